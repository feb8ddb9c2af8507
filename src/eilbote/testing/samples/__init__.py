"""A mailbox full of invented, realistic mail for the demo: German and English, from text of our own."""
