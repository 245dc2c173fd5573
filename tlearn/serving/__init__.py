"""Answers over HTTP: takes what answers one image, gives an ASGI application and runs it.

The packages behind it are the extra `serve`.
"""
