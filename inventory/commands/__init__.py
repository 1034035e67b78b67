"""One file for each command: parse, build, call, print, return an exit code."""
