"""From a file, or frames in memory, to timed pictures: decoded once, streamed, never all held."""

from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader, Frame
from instancecap.video.probe import VideoInfo, probe

__all__ = ["Clip", "ClipReader", "Frame", "VideoInfo", "probe"]
