"""What every REST door needs: idempotency, one error shape, pagination, a base view. Knows no other room."""
