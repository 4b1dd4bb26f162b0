"""From a pile of raw video to clips worth captioning: measured, judged by rules, balanced."""
