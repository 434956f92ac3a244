"""Tables of the stand-in's SQLite file. Times are GitLab's text form (UTC, milliseconds), so they sort as text."""

from __future__ import annotations

SCHEMA = """
create table if not exists users (
  id integer primary key, username text not null unique, name text not null, email text not null,
  admin integer not null default 0, state text not null default 'active', created_at text not null);
create table if not exists tokens (
  id integer primary key, user_id integer, project_id integer, job_id integer, kind text not null, name text not null,
  digest text not null unique, scopes text not null, username text, revoked integer not null default 0,
  expires_at text, created_at text not null, last_used_at text);
create table if not exists groups (
  id integer primary key, path text not null, name text not null, full_path text not null unique collate nocase,
  parent_id integer, visibility text not null default 'private', description text not null default '',
  created_at text not null);
create table if not exists projects (
  id integer primary key, group_id integer not null, path text not null, name text not null,
  full_path text not null unique collate nocase, visibility text not null default 'private',
  description text, archived integer not null default 0, default_branch text, creator_id integer,
  jobs_enabled integer not null default 1, ci_config_path text, topics text not null default '[]',
  created_at text not null, updated_at text not null, last_activity_at text not null);
create table if not exists forks (project_id integer primary key, parent_id integer not null);
create table if not exists fork_requests (merge_request_id integer primary key, source_project_id integer not null);
create table if not exists redirects (old_path text primary key collate nocase, project_id integer not null);
create table if not exists members (
  source text not null, source_id integer not null, user_id integer not null, access_level integer not null,
  created_at text not null, primary key (source, source_id, user_id));
create table if not exists protected_branches (
  id integer primary key, project_id integer not null, name text not null, push_level integer not null,
  merge_level integer not null, allow_force_push integer not null default 0, unique (project_id, name));
create table if not exists protected_tags (
  id integer primary key, project_id integer not null, name text not null, create_level integer not null,
  unique (project_id, name));
create table if not exists merge_requests (
  id integer primary key, iid integer not null, project_id integer not null, title text not null, description text,
  state text not null default 'opened', source_branch text not null, target_branch text not null,
  author_id integer not null, sha text, merge_commit_sha text, labels text not null default '[]',
  draft integer not null default 0, created_at text not null, updated_at text not null, merged_at text, closed_at text);
create table if not exists notes (
  id integer primary key, project_id integer not null, merge_request_id integer not null, author_id integer not null,
  body text not null, system integer not null default 0, internal integer not null default 0,
  created_at text not null, updated_at text not null);
create table if not exists pipelines (
  id integer primary key, iid integer not null, project_id integer not null, sha text not null, ref text not null,
  tag integer not null default 0, before_sha text not null, status text not null, source text not null,
  user_id integer not null, variables text not null default '[]', yaml_errors text, claimed_by text,
  cancel_requested integer not null default 0, created_at text not null, updated_at text not null,
  started_at text, finished_at text);
create index if not exists pipelines_by_sha on pipelines (project_id, sha);
create table if not exists jobs (
  id integer primary key, project_id integer not null, pipeline_id integer not null, kind text not null,
  name text not null, stage text not null, ref text not null, sha text not null, status text not null,
  allow_failure integer not null default 0, retried integer not null default 0, user_id integer not null,
  description text, target_url text, coverage real, failure_reason text, artifacts text not null default '[]',
  created_at text not null, started_at text, finished_at text);
create index if not exists jobs_by_pipeline on jobs (pipeline_id);
create index if not exists jobs_by_sha on jobs (project_id, sha);
create table if not exists hooks (
  id integer primary key, project_id integer not null, url text not null, name text, description text, token text,
  events text not null, branch_filter text not null default '', ssl integer not null default 1,
  uuid text not null, failures integer not null default 0, backoffs integer not null default 0, disabled_until text,
  created_at text not null);
create table if not exists hook_events (
  id integer primary key, hook_id integer not null, trigger text not null, url text not null,
  request_headers text not null,
  request_data text not null, response_headers text not null, response_body text not null,
  response_status text not null, execution_duration real not null, created_at text not null);
create index if not exists hook_events_by_hook on hook_events (hook_id);
create table if not exists environments (
  id integer primary key, project_id integer not null, name text not null, slug text not null, external_url text,
  state text not null default 'available', tier text not null, created_at text not null, updated_at text not null,
  unique (project_id, name));
create table if not exists deployments (
  id integer primary key, iid integer not null, project_id integer not null, environment_id integer not null,
  ref text not null, sha text not null, tag integer not null default 0, status text not null, user_id integer not null,
  created_at text not null, updated_at text not null);
create table if not exists variables (
  scope text not null, scope_id integer not null, key text not null, value text not null,
  variable_type text not null default 'env_var', protected integer not null default 0,
  masked integer not null default 0,
  raw integer not null default 0, environment_scope text not null default '*', description text,
  primary key (scope, scope_id, key, environment_scope));
create table if not exists labels (
  id integer primary key, project_id integer not null, name text not null, color text not null,
  description text, unique (project_id, name));
create table if not exists issues (
  id integer primary key, iid integer not null, project_id integer not null, title text not null, description text,
  state text not null default 'opened', author_id integer not null, labels text not null default '[]',
  created_at text not null, updated_at text not null, closed_at text);
create table if not exists issue_notes (
  id integer primary key, project_id integer not null, issue_id integer not null, author_id integer not null,
  body text not null, system integer not null default 0, internal integer not null default 0,
  created_at text not null, updated_at text not null);
"""
