"""Processes that compute beside this one."""
