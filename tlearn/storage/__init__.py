"""Bytes that survive a crash: whole writes, the cache folder, row tables, digests, JSON."""
