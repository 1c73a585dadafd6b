"""From stored records to what they mean: passages, visits, people, places, openings, alarms."""
