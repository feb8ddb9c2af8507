"""The web page: a face. Each module is a page or a part of one; it asks `engine` and decides nothing."""
