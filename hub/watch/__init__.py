"""The watch over look-ups: explanations, rules, rates, cases' scores; one engine, live and in replay."""
