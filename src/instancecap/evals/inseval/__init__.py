"""Inseval: does a generated video show what its prompt says, instance by instance?"""
