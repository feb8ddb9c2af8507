"""What should happen to a mail that is to be sent: states, answers of servers, when to try again.

Pure: no socket, clock, thread, file or database.
"""
