-- Upload-Metadata of a resumable upload, as its client sent it: tus wants HEAD to give it back byte for byte. Null for
-- other uploads. It is beside the columns that were read from it, and nobody reads it again.
alter table files add column upload_metadata text;
