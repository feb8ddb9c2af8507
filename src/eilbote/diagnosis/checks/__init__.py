"""The judges, a module for each group of checks: evidence in, findings out."""
