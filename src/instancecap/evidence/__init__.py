"""The auxiliary model cluster: experts that measure facts from the pixels, in one decode pass.

:func:`~instancecap.evidence.build.measure` runs them all. Each expert has one file: it looks at
pictures while they stream by and keeps numbers only; afterwards it turns its numbers into facts.
"""
