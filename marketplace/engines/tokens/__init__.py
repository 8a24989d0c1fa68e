"""A model server on this machine, for tests and for the demonstration: llama.cpp's own, with a random model.

Real tokens are counted, cached and paid for; what the model says has no sense, and every page that offers it says so.
`requirements.txt` names what it needs beside the portal; nothing here imports the portal.
"""
