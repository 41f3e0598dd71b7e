"""Performs recorded clients and requests again, at servers the user names, and proves verdicts by changing one thing.

`wire` is the only module that sends anything.
"""
