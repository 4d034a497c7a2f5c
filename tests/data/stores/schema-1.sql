BEGIN TRANSACTION;
CREATE TABLE actions (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	type TEXT, 
	source_uri TEXT, 
	description TEXT, 
	status TEXT, 
	created_us BIGINT NOT NULL, 
	modified_us BIGINT NOT NULL, 
	put_us BIGINT NOT NULL, 
	CONSTRAINT pk_actions PRIMARY KEY (id), 
	CONSTRAINT fk_actions_id FOREIGN KEY(id) REFERENCES nodes (id) ON DELETE CASCADE
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE artifact_values (
	component_id INTEGER NOT NULL, 
	is_output SMALLINT NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	media_type TEXT, 
	at_us BIGINT NOT NULL, 
	CONSTRAINT pk_artifact_values PRIMARY KEY (component_id, is_output, name), 
	CONSTRAINT fk_artifact_values_component_id FOREIGN KEY(component_id) REFERENCES nodes (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE artifacts (
	id INTEGER NOT NULL, 
	type TEXT, 
	name TEXT, 
	source_types TEXT, 
	media_type TEXT, 
	size_bytes BIGINT, 
	blob TEXT, 
	created_us BIGINT NOT NULL, 
	modified_us BIGINT NOT NULL, 
	put_us BIGINT NOT NULL, 
	CONSTRAINT pk_artifacts PRIMARY KEY (id), 
	CONSTRAINT fk_artifacts_id FOREIGN KEY(id) REFERENCES nodes (id) ON DELETE CASCADE
);
INSERT INTO "artifacts" VALUES(1,'DataSet','raw',NULL,NULL,NULL,NULL,1,1,1);
INSERT INTO "artifacts" VALUES(4,'DataSet','clean',NULL,NULL,NULL,NULL,3,3,3);
INSERT INTO "artifacts" VALUES(6,'Model','model',NULL,NULL,NULL,NULL,5,5,5);
INSERT INTO "artifacts" VALUES(7,'DataSet','frame',NULL,NULL,NULL,'sha256:abababababababababababababababababababababababababababababababab',6,6,6);
INSERT INTO "artifacts" VALUES(8,NULL,NULL,NULL,NULL,NULL,NULL,7,7,-1);
CREATE TABLE associations (
	source_id INTEGER NOT NULL, 
	destination_id INTEGER NOT NULL, 
	type TEXT NOT NULL, 
	at_us BIGINT NOT NULL, 
	CONSTRAINT pk_associations PRIMARY KEY (source_id, destination_id, type), 
	CONSTRAINT fk_associations_destination_id FOREIGN KEY(destination_id) REFERENCES nodes (id) ON DELETE CASCADE, 
	CONSTRAINT fk_associations_source_id FOREIGN KEY(source_id) REFERENCES nodes (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "associations" VALUES(1,3,'ContributedTo',1);
INSERT INTO "associations" VALUES(8,3,'ContributedTo',7);
INSERT INTO "associations" VALUES(3,4,'Produced',2);
INSERT INTO "associations" VALUES(4,5,'ContributedTo',3);
INSERT INTO "associations" VALUES(5,6,'Produced',4);
CREATE TABLE chunks (
	series_id INTEGER NOT NULL, 
	ordinal INTEGER NOT NULL, 
	count INTEGER NOT NULL, 
	min_step BIGINT NOT NULL, 
	max_step BIGINT NOT NULL, 
	payload BLOB NOT NULL, 
	CONSTRAINT pk_chunks PRIMARY KEY (series_id, ordinal), 
	CONSTRAINT fk_chunks_series_id FOREIGN KEY(series_id) REFERENCES series (id) ON DELETE CASCADE
);
CREATE TABLE components (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	display_name TEXT, 
	kind TEXT, 
	status TEXT NOT NULL, 
	status_message TEXT, 
	status_inferred SMALLINT DEFAULT 0 NOT NULL, 
	status_us BIGINT DEFAULT (-1) NOT NULL, 
	started_us BIGINT, 
	ended_us BIGINT, 
	experiment_id INTEGER, 
	trial_id INTEGER, 
	run_name TEXT, 
	parent_id INTEGER, 
	root_id INTEGER, 
	attempt INTEGER, 
	previous_id INTEGER, 
	number BIGINT, 
	orchestrator TEXT, 
	execution_id TEXT, 
	step_id TEXT, 
	url TEXT, 
	owner_id INTEGER, 
	owner_us BIGINT DEFAULT (-1) NOT NULL, 
	source_arn TEXT, 
	created_us BIGINT NOT NULL, 
	modified_us BIGINT NOT NULL, 
	put_us BIGINT NOT NULL, 
	CONSTRAINT pk_components PRIMARY KEY (id), 
	CONSTRAINT fk_components_id FOREIGN KEY(id) REFERENCES nodes (id) ON DELETE CASCADE
);
INSERT INTO "components" VALUES(3,'cleaning',NULL,NULL,'created',NULL,0,-1,NULL,NULL,2,NULL,NULL,NULL,NULL,NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,-1,NULL,2,2,2);
INSERT INTO "components" VALUES(5,'training',NULL,NULL,'created',NULL,0,-1,NULL,NULL,2,NULL,NULL,NULL,NULL,NULL,NULL,2,NULL,NULL,NULL,NULL,NULL,-1,NULL,4,4,4);
CREATE TABLE contexts (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	type TEXT, 
	source_uri TEXT, 
	description TEXT, 
	created_us BIGINT NOT NULL, 
	modified_us BIGINT NOT NULL, 
	put_us BIGINT NOT NULL, 
	CONSTRAINT pk_contexts PRIMARY KEY (id), 
	CONSTRAINT fk_contexts_id FOREIGN KEY(id) REFERENCES nodes (id) ON DELETE CASCADE
);
CREATE TABLE experiments (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	display_name TEXT, 
	description TEXT, 
	created_us BIGINT NOT NULL, 
	modified_us BIGINT NOT NULL, 
	put_us BIGINT NOT NULL, 
	used_us BIGINT NOT NULL, 
	last_number BIGINT DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_experiments PRIMARY KEY (id), 
	CONSTRAINT fk_experiments_id FOREIGN KEY(id) REFERENCES nodes (id) ON DELETE CASCADE
);
INSERT INTO "experiments" VALUES(2,'search',NULL,NULL,2,2,-1,4,2);
CREATE TABLE journals (
	id INTEGER NOT NULL, 
	journal TEXT NOT NULL, 
	host TEXT, 
	pid BIGINT, 
	boot_id TEXT, 
	started TEXT, 
	watermark BIGINT DEFAULT 0 NOT NULL, 
	lease_until_us BIGINT, 
	seen_us BIGINT, 
	CONSTRAINT pk_journals PRIMARY KEY (id), 
	CONSTRAINT uq_journals_journal UNIQUE (journal)
);
CREATE TABLE nodes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	CONSTRAINT uq_nodes_key_kind UNIQUE ("key", kind)
);
INSERT INTO "nodes" VALUES(1,'artifact','s3://raw');
INSERT INTO "nodes" VALUES(2,'experiment','search');
INSERT INTO "nodes" VALUES(3,'component','cleaning');
INSERT INTO "nodes" VALUES(4,'artifact','s3://clean');
INSERT INTO "nodes" VALUES(5,'component','training');
INSERT INTO "nodes" VALUES(6,'artifact','s3://model');
INSERT INTO "nodes" VALUES(7,'artifact','sha256:abababababababababababababababababababababababababababababababab');
INSERT INTO "nodes" VALUES(8,'artifact','s3://only named/é');
CREATE TABLE parameters (
	component_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	at_us BIGINT NOT NULL, 
	text TEXT NOT NULL, 
	number DOUBLE, 
	CONSTRAINT pk_parameters PRIMARY KEY (component_id, name), 
	CONSTRAINT fk_parameters_component_id FOREIGN KEY(component_id) REFERENCES nodes (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE properties (
	node_id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_properties PRIMARY KEY (node_id, "key"), 
	CONSTRAINT fk_properties_node_id FOREIGN KEY(node_id) REFERENCES nodes (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "properties" VALUES(4,'rows','5');
CREATE TABLE schema_info (
	id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	min_reader INTEGER NOT NULL, 
	min_writer INTEGER NOT NULL, 
	CONSTRAINT pk_schema_info PRIMARY KEY (id)
);
INSERT INTO "schema_info" VALUES(1,1,1,1);
CREATE TABLE series (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	component_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	count BIGINT NOT NULL, 
	finite BIGINT NOT NULL, 
	minimum DOUBLE, 
	maximum DOUBLE, 
	mean DOUBLE, 
	m2 DOUBLE, 
	std_dev DOUBLE, 
	last DOUBLE, 
	last_step BIGINT NOT NULL, 
	last_us BIGINT NOT NULL, 
	next_ordinal INTEGER NOT NULL, 
	open_ordinal INTEGER NOT NULL, 
	CONSTRAINT fk_series_component_id FOREIGN KEY(component_id) REFERENCES nodes (id) ON DELETE CASCADE, 
	CONSTRAINT uq_series_component_id_name UNIQUE (component_id, name)
);
CREATE TABLE tags (
	node_id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT, 
	at_us BIGINT NOT NULL, 
	removed SMALLINT NOT NULL, 
	CONSTRAINT pk_tags PRIMARY KEY (node_id, "key"), 
	CONSTRAINT fk_tags_node_id FOREIGN KEY(node_id) REFERENCES nodes (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE trial_components (
	trial_id INTEGER NOT NULL, 
	component_id INTEGER NOT NULL, 
	CONSTRAINT pk_trial_components PRIMARY KEY (trial_id, component_id), 
	CONSTRAINT fk_trial_components_component_id FOREIGN KEY(component_id) REFERENCES nodes (id) ON DELETE CASCADE, 
	CONSTRAINT fk_trial_components_trial_id FOREIGN KEY(trial_id) REFERENCES nodes (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE trials (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	experiment_id INTEGER, 
	display_name TEXT, 
	root_id INTEGER, 
	created_us BIGINT NOT NULL, 
	modified_us BIGINT NOT NULL, 
	put_us BIGINT NOT NULL, 
	CONSTRAINT pk_trials PRIMARY KEY (id), 
	CONSTRAINT fk_trials_id FOREIGN KEY(id) REFERENCES nodes (id) ON DELETE CASCADE
);
CREATE INDEX ix_artifacts_blob ON artifacts (blob) WHERE blob IS NOT NULL;
CREATE INDEX ix_artifacts_created_us ON artifacts (created_us);
CREATE INDEX ix_artifacts_type_created_us ON artifacts (type, created_us);
CREATE INDEX ix_associations_destination ON associations (destination_id, source_id, type, at_us);
CREATE INDEX ix_components_execution_id ON components (execution_id) WHERE execution_id IS NOT NULL;
CREATE INDEX ix_components_experiment_id_created_us ON components (experiment_id, created_us);
CREATE INDEX ix_components_parent_id ON components (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX ix_components_root_id ON components (root_id) WHERE root_id IS NOT NULL;
CREATE INDEX ix_components_run_name ON components (run_name) WHERE run_name IS NOT NULL;
CREATE INDEX ix_components_source_arn ON components (source_arn) WHERE source_arn IS NOT NULL;
CREATE INDEX ix_components_status ON components (status);
CREATE INDEX ix_components_step_id ON components (step_id) WHERE step_id IS NOT NULL;
CREATE INDEX ix_tags_key_value ON tags ("key", value);
CREATE INDEX ix_trial_components_component_id ON trial_components (component_id);
CREATE INDEX ix_trials_experiment_id ON trials (experiment_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('nodes',8);
COMMIT;
