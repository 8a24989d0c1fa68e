"""Route planning: stops in, the shortest rounds out. check.py reads the file, program.py plans."""
