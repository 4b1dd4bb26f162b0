"""Every error that instancecap raises on purpose.

::

    InstanceCapError
    ├── UsageError          the caller asked for something that cannot be done as asked (exit 2)
    ├── MissingDependency   an optional package, or a file of weights, is not there (exit 2)
    ├── ServerError         a model server cannot be used by anyone as it is (exit 2)
    └── InputError          one input cannot be used; the others go on (exit 1)
        ├── DecodeError     the file is there, but no picture can be read from it
        ├── ModelError      a question to a language model got no usable answer
        │   └── QuestionRefused   a content filter, or the model itself, refuses this question
        ├── FormatError     the text of a caption or evidence file does not fit its schema
        └── OutputError     a result cannot be written where it was asked for

A message is one line: what was given, what is allowed, and what to do.
"""

from __future__ import annotations


class InstanceCapError(Exception):
    """Root of the tree. ``str(error)`` is always one line that can be shown to a user."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class UsageError(InstanceCapError):
    """The request itself is wrong: an unknown name, two outputs under one name, a bad option."""


class MissingDependency(InstanceCapError):
    """Something optional is needed and is not installed; the message has the command to get it."""


class ServerError(InstanceCapError):
    """A model server is not there, refuses the key, or does not serve the model that is asked."""


class InputError(InstanceCapError):
    """One input failed. A run over many inputs names it, counts it and goes on."""


class DecodeError(InputError):
    """No frame can be decoded: not a video, no video stream, empty, or damaged throughout."""


class ModelError(InputError):
    """A language model was asked and gave no usable answer, after every retry."""


class QuestionRefused(ModelError):
    """One question is refused for what it shows or asks; others of the run are answered."""


class FormatError(InputError):
    """A file read as a caption or as evidence is not valid JSON or does not fit the schema."""


class OutputError(InputError):
    """An output cannot be written: no permission, a full disk, a file where a folder should be."""
