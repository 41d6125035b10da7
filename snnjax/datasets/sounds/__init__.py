"""Files of sound: ``sound``, of ``wav`` and ``sphere`` by own means.

Their numbers are those of ``sound_numbers``. Others are read by soundfile, apart
(``sound_child``), once they are whole (``sound_whole``, ``mp3``).
"""
