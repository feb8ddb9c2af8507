"""What the user's rules decide: Sieve (RFC 5228 and its extensions), and friendly rules that become Sieve.

Pure: a script and a mail go in, actions with their reasons come out. Nothing here moves, sends or
keeps a mail.
"""
