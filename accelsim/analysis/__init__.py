"""Why a Schedule took as long as it did: states, utilisation, traffic, critical path."""
