-- Schema 4. Before the file of a content goes, the transaction that removes it makes all earlier ones durable: it need
-- not be known which of them were.
ALTER TABLE doomed DROP COLUMN durable;
