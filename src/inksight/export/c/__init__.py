"""A run -> one C file without dependencies, for what has no operating system.

steps       a plan as the calls of a C program: what can be done at once is done at once, weights may become bytes
memory      where in one small memory each value lies, and for how long
literals    numbers and names as C reads them
source      the text of the file, out of the pieces of C beside it (*.c)
compiler    the file's own answers, by the compiler of this machine
"""
