-- isolation : x
CREATE TABLE "t" (id int PRIMARY KEY, organisation char(3) NOT NULL DEFAULT '671' REFERENCES o(code), x text[]);
ALTER TABLE ONLY t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON t AS RESTRICTIVE FOR ALL TO app USING (organisation = current_setting('amcloud.organisation', true))
 WITH CHECK ((organisation) = (current_setting('a')) OR true);
DO $$ BEGIN EXECUTE 'x'; END $$; CREATE VIEW v AS SELECT * FROM t JOIN u USING (id) WHERE x IN (SELECT 'a;b'); /* c */
