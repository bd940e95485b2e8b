"""Runtime modules and functions that torch lacks, written as torch would write them: no symbols, no Keras words."""
