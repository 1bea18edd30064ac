"""How programs are compiled, batched, laid out in memory and sharded over devices: the only package that knows about XLA."""
