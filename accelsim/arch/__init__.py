"""What a machine is: one YAML file, checked into one frozen `Arch`.

`units` reads and writes figures with units, `array`, `memory` and `spec` are the models,
`load` reads the files, `equal` says what two machines have in common.
"""
