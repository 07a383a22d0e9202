-- Who may do what. Secrets are stored only as hashes: of a password argon2id, of a random token sha256.

create table users (
  user_id       bigint generated always as identity primary key,
  email         text not null unique,            -- trimmed and in lower case
  password_hash text not null,                   -- argon2id, with its parameters and salt
  role          text not null default 'user' check (role in ('user', 'operator', 'admin')),
  created_at    timestamptz not null,
  disabled_at   timestamptz                      -- set by an administrator: neither logins nor keys work
);

-- A session is one login. Its refresh token changes with every use; see identity/rotation.ts.
create table sessions (
  session_id    bigint generated always as identity primary key,
  user_id       bigint not null references users on delete cascade,
  family_hash   bytea not null unique,           -- finds the session; the same in all its refresh tokens
  token_hash    bytea not null,                  -- the refresh token that works now
  previous_hash bytea,                           -- the one before, and when it was used
  rotated_at    timestamptz,
  created_at    timestamptz not null,
  expires_at    timestamptz not null,
  ended_at      timestamptz,
  end_reason    text check (end_reason in ('logout', 'reuse')),
  check ((ended_at is null) = (end_reason is null))
);
create index sessions_of_user on sessions (user_id, session_id);
create index sessions_expiry on sessions (expires_at);

create table api_keys (
  key_id       text primary key,                 -- public: stands in lists and logs
  user_id      bigint not null references users on delete cascade,
  name         text not null,
  key_hash     bytea not null unique,
  role         text not null check (role in ('user', 'operator', 'admin')),
  scopes       text[] not null,                  -- {*} is all of them
  created_at   timestamptz not null,
  expires_at   timestamptz,
  last_used_at timestamptz                       -- exact to about a minute
);
create index api_keys_of_user on api_keys (user_id, created_at);

-- Shared by all API processes, so that an attacker gains nothing by spreading guesses over them.
create table login_failures (
  subject        text primary key,               -- 'account:<sha256 of the email>' or 'address:<address or /64>'
  failures       integer not null,
  last_failed_at timestamptz not null,
  blocked_until  timestamptz not null
);
create index login_failures_age on login_failures (last_failed_at);
