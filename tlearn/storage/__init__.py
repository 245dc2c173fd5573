"""Files that survive a crash.

Takes bytes, text, JSON values or rows of numbers, and puts them on disk so that a reader sees
either the old content or the whole new one; says where the cache is and keeps it within its limit.
"""
