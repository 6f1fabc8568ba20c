from eega_pyg.cli.main import main

main()
