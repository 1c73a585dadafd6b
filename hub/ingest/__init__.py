"""From deliveries to stored records, receipts and questions about gaps."""
