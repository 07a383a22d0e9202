-- Files: one row each, from the first byte of the upload until some days after it was deleted. The bytes are blobs; what
-- is done with them is a task, made in the same transaction as the change to 'uploaded', with task_id = file_id.

create table files (
  file_id           text collate "C" primary key,  -- UUIDv7: in the order of creation
  owner_id          bigint not null,
  tenant            text,
  filename          text not null,                 -- for display only: never part of a path
  content_type      text not null,                 -- what the client said; never trusted
  operation         text,                          -- null while an upload has not said it yet
  options           json,
  declared_size     bigint,
  size              bigint,
  sha256            text,                          -- in hex
  upload_kind       text not null check (upload_kind in ('multipart', 'tus')),
  -- uploading → uploaded (its task exists) | expired (ended without its bytes); both of the first → deleted.
  state             text not null default 'uploading' check (state in ('uploading', 'uploaded', 'expired', 'deleted')),
  upload_offset     bigint not null default 0,
  upload_expires_at timestamptz not null,
  content_key       text not null,
  -- What it takes of its owner's quota: while it arrives what was set aside for it, then its size.
  kept_bytes        bigint not null,
  idempotency_key   text,
  task_seq          bigint,
  correlation_id    text not null,
  created_at        timestamptz not null,
  uploaded_at       timestamptz,
  ended_at          timestamptz,                   -- expired or deleted
  check (state <> 'uploaded' or (operation is not null and size is not null and sha256 is not null and task_seq is not null)),
  check ((state in ('expired', 'deleted')) = (ended_at is not null))
);
-- A user's list, newest first, and how many were begun in the last minute.
create index files_of_owner on files (owner_id, file_id);
-- What a user keeps, counted without a look at the rows.
create index files_kept on files (owner_id) include (kept_bytes) where state in ('uploading', 'uploaded');
create unique index files_by_idempotency_key on files (owner_id, idempotency_key)
  where idempotency_key is not null and state in ('uploading', 'uploaded');
create index files_expiring on files (upload_expires_at) where state = 'uploading';
-- In the order in which their tasks are forgotten.
create index files_by_task on files (task_seq) where state = 'uploaded';
create index files_ended on files (ended_at) where state in ('expired', 'deleted');
