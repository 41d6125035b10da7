"""Spikes of simulators and spike sorters, as ``snnjax.events.RecordedSpikes``.

Times are seconds; neurons have the numbers that the file gives them. ``spike_text``
(``spike_head``, ``spike_lines``, ``spike_names``), ``nest_ascii``, ``sonata``, ``nwb``
(``hdf5_spikes``, ``spike_columns``), ``phy``, ``spike_arrays``, ``spike_mat``,
``neo_nix``, ``neo_trains``; ``sonata_out`` writes.
"""
