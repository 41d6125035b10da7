"""Networks on imperfect chips: no two neurons alike, weights rounded, parts dead."""
