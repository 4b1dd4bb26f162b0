"""From a short prompt to a structured caption, and to the prompt of one model."""

from instancecap.enhance.ask import OnAnswer, ask_model, structured
from instancecap.enhance.finish import revised
from instancecap.enhance.options import EnhanceOptions
from instancecap.enhance.picture import Picture
from instancecap.enhance.questions import Like
from instancecap.enhance.result import Enhanced

__all__ = ["EnhanceOptions", "Enhanced", "Like", "OnAnswer", "Picture", "ask_model", "revised",
           "structured"]  # fmt: skip
