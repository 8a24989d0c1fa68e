"""What every REST door needs: idempotency, one error shape, pagination, a small base view. Knows no other room."""
