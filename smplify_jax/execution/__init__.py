"""How programs are compiled, batched, laid out in memory and sharded over devices: the only room that knows about XLA."""
