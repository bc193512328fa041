-- The pack "names".
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS db_guard;
RESET client_min_messages;
CREATE SCHEMA names;
SET search_path = names;
SELECT db_guard.is_judging();
SET db_guard.policy_packs = 'names';
SET db_guard.show_notes = on;

CREATE TABLE "OrderLines" (id uuid PRIMARY KEY, "createdAt" date, "with blank" int, "1st" int);
CREATE TABLE names.OrderLines (id uuid PRIMARY KEY, createdAt date, TOTAL int);
CREATE TABLE ORDERS (ID UUID PRIMARY KEY);
CREATE TABLE entries (id uuid PRIMARY KEY, "order" int, "user" text, value int, name text, position int, "left" int);
CREATE TABLE customer (id uuid PRIMARY KEY, name text) /* one */;
CREATE TABLE "sales_category" (id uuid PRIMARY KEY);
CREATE TABLE news (id uuid PRIMARY KEY);
CREATE TABLE kunde (id uuid PRIMARY KEY);
SET db_guard.table_names = singular;
CREATE TABLE names.people (id uuid PRIMARY KEY);
CREATE TABLE person (id uuid PRIMARY KEY);
SET db_guard.table_names = 'any';
CREATE TABLE invoice (id uuid PRIMARY KEY);
RESET db_guard.table_names;
-- Foreign keys.
CREATE TABLE books (id uuid PRIMARY KEY, author uuid REFERENCES people, editor_id uuid REFERENCES people, created_by uuid REFERENCES people, home uuid, FOREIGN KEY (home) REFERENCES orders (id));
CREATE TABLE currencies (currency char(3) PRIMARY KEY);
CREATE TABLE prices (id uuid PRIMARY KEY, currency char(3) REFERENCES currencies);
ALTER TABLE books ADD COLUMN reader uuid REFERENCES people;
ALTER TABLE books ADD COLUMN "lentTo" text;
-- Names that the server cuts: wherever they are made.
ALTER TABLE books ADD COLUMN a_name_that_says_so_much_about_its_column_that_the_server_cuts_it_off text;
ALTER TABLE books ADD CONSTRAINT a_name_that_says_so_much_about_its_constraint_that_the_server_cuts_it CHECK (id IS NOT NULL);
CREATE INDEX a_name_that_says_so_much_about_its_index_that_the_server_cuts_it_off ON books (id);
CREATE TABLE ääääääääääääääääääääääääääääääääää (id uuid PRIMARY KEY);
CREATE TYPE "A name that says so much about its type that the server cuts ""it"" off" AS ENUM ();
CREATE TABLE plain (id uuid PRIMARY KEY, note text DEFAULT 'a_text_that_is_so_long_that_it_would_be_cut_if_it_were_a_name_of_a_column');
CREATE TEMPORARY TABLE "Mine" (a_name_that_says_so_much_about_its_column_that_the_server_cuts_it_off text);
\c -
SET client_min_messages = warning;
DROP SCHEMA names CASCADE;
