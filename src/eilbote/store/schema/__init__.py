"""The store's tables, as numbered migrations."""
