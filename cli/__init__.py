"""The `copythat` command."""
