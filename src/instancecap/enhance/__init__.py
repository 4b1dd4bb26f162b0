"""From a short prompt to a structured caption, and to the prompt of one model."""

from instancecap.enhance.ask import ask_model, structured
from instancecap.enhance.options import EnhanceOptions
from instancecap.enhance.picture import Picture
from instancecap.enhance.questions import Like
from instancecap.enhance.result import Enhanced

__all__ = ["EnhanceOptions", "Enhanced", "Like", "Picture", "ask_model", "structured"]
