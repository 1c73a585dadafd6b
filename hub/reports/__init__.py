"""Reports: entries, coverage and compliance, as figures and on paper."""
