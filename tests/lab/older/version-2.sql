-- A database of version 2 of the schema, as the app of that version wrote it.
BEGIN TRANSACTION;
CREATE TABLE artifact (
	id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	meta JSON NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "artifact" VALUES(1,'reward_model','{"features": "attributes"}',X'6120726577617264206D6F64656C');
INSERT INTO "artifact" VALUES(2,'reward_model','{"features": "attributes"}',X'6120726577617264206D6F64656C');
CREATE TABLE checkpoint (
	run_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (run_id), 
	FOREIGN KEY(run_id) REFERENCES run (id)
);
INSERT INTO "checkpoint" VALUES(1,3,X'61207374617465');
INSERT INTO "checkpoint" VALUES(2,3,X'61207374617465');
CREATE TABLE config_change (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	changes JSON NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES run (id)
);
INSERT INTO "config_change" VALUES(1,1,2,'{"kl_coef": 0.2}');
INSERT INTO "config_change" VALUES(2,2,2,'{"kl_coef": 0.2}');
CREATE TABLE event (
	id INTEGER NOT NULL, 
	lab_id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	showing_id VARCHAR, 
	retracts INTEGER, 
	choice VARCHAR, 
	strength INTEGER, 
	rationale TEXT, 
	labeler VARCHAR NOT NULL, 
	labeler_kind VARCHAR NOT NULL, 
	answered_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(lab_id) REFERENCES lab (id), 
	FOREIGN KEY(showing_id) REFERENCES showing (id), 
	UNIQUE (retracts), 
	FOREIGN KEY(retracts) REFERENCES event (id)
);
INSERT INTO "event" VALUES(1,1,'label','0000000000000002',NULL,'a',1,'because','you','human','2026-03-01 09:00:10.000000');
INSERT INTO "event" VALUES(2,1,'label','0000000000000003',NULL,'tie',1,'','you','human','2026-03-01 09:00:20.000000');
INSERT INTO "event" VALUES(3,1,'undo',NULL,2,NULL,NULL,NULL,'you','human','2026-03-01 09:00:25.000000');
INSERT INTO "event" VALUES(4,1,'label','0000000000000004',NULL,'b',1,'','you','human','2026-03-01 09:00:35.000000');
INSERT INTO "event" VALUES(5,1,'label','0000000000000006',NULL,'a',1,'','default','simulated','2026-03-01 09:00:45.000000');
INSERT INTO "event" VALUES(6,1,'label','0000000000000007',NULL,'b',1,'','default','simulated','2026-03-01 09:00:45.000000');
INSERT INTO "event" VALUES(7,2,'label','0000000000000009',NULL,'a',1,'because','you','human','2026-03-01 09:00:55.000000');
INSERT INTO "event" VALUES(8,2,'label','000000000000000a',NULL,'tie',1,'','you','human','2026-03-01 09:01:05.000000');
INSERT INTO "event" VALUES(9,2,'undo',NULL,8,NULL,NULL,NULL,'you','human','2026-03-01 09:01:10.000000');
INSERT INTO "event" VALUES(10,2,'label','000000000000000b',NULL,'b',1,'','you','human','2026-03-01 09:01:20.000000');
INSERT INTO "event" VALUES(11,2,'label','000000000000000d',NULL,'a',1,'','default','simulated','2026-03-01 09:01:30.000000');
INSERT INTO "event" VALUES(12,2,'label','000000000000000e',NULL,'b',1,'','default','simulated','2026-03-01 09:01:30.000000');
CREATE TABLE lab (
	id INTEGER NOT NULL, 
	"key" VARCHAR NOT NULL, 
	browser VARCHAR NOT NULL, 
	language VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE ("key"), 
	UNIQUE (browser)
);
INSERT INTO "lab" VALUES(1,'key-0000000000000000000000000001','a browser','en','2026-03-01 08:00:00.000000');
INSERT INTO "lab" VALUES(2,'key-0000000000000000000000000008','another browser','ko','2026-03-01 08:00:00.000000');
CREATE TABLE pair (
	id INTEGER NOT NULL, 
	lab_id INTEGER NOT NULL, 
	language VARCHAR NOT NULL, 
	prompt TEXT NOT NULL, 
	response_a TEXT NOT NULL, 
	response_b TEXT NOT NULL, 
	policy_id VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(lab_id) REFERENCES lab (id)
);
INSERT INTO "pair" VALUES(1,1,'en','question 1 ?','yes .','<b>no</b> .','start');
INSERT INTO "pair" VALUES(2,1,'en','question 2 ?','yes .','<b>no</b> .','start');
INSERT INTO "pair" VALUES(3,1,'en','question 3 ?','yes .','<b>no</b> .','start');
INSERT INTO "pair" VALUES(4,1,'en','question 4 ?','yes .','<b>no</b> .','start');
INSERT INTO "pair" VALUES(5,1,'en','question 5 ?','yes .','<b>no</b> .','start');
INSERT INTO "pair" VALUES(6,1,'en','question 6 ?','yes .','<b>no</b> .','start');
INSERT INTO "pair" VALUES(7,2,'ko','question 1 ?','yes .','<b>no</b> .','start');
INSERT INTO "pair" VALUES(8,2,'ko','question 2 ?','yes .','<b>no</b> .','start');
INSERT INTO "pair" VALUES(9,2,'ko','question 3 ?','yes .','<b>no</b> .','start');
INSERT INTO "pair" VALUES(10,2,'ko','question 4 ?','yes .','<b>no</b> .','start');
INSERT INTO "pair" VALUES(11,2,'ko','question 5 ?','yes .','<b>no</b> .','start');
INSERT INTO "pair" VALUES(12,2,'ko','question 6 ?','yes .','<b>no</b> .','start');
CREATE TABLE run (
	id INTEGER NOT NULL, 
	lab_id INTEGER NOT NULL, 
	stage VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	initial_config JSON NOT NULL, 
	config JSON NOT NULL, 
	seed BIGINT NOT NULL, 
	inputs JSON NOT NULL, 
	step INTEGER NOT NULL, 
	pace FLOAT, 
	error TEXT, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(lab_id) REFERENCES lab (id)
);
INSERT INTO "run" VALUES(1,1,'ppo','paused','{"kl_coef": 0.1, "iterations": 9}','{"kl_coef": 0.2, "iterations": 9}',3,'{"lab": 1, "source": "both", "features": "attributes", "labels_used": 4, "simulated_used": 2, "reward_model": 1, "language": "en"}',4,NULL,NULL,'2026-03-01 08:00:00.000000');
INSERT INTO "run" VALUES(2,2,'ppo','paused','{"kl_coef": 0.1, "iterations": 9}','{"kl_coef": 0.2, "iterations": 9}',3,'{"lab": 2, "source": "both", "features": "attributes", "labels_used": 4, "simulated_used": 2, "reward_model": 2, "language": "ko"}',4,NULL,NULL,'2026-03-01 08:00:00.000000');
CREATE TABLE run_step (
	run_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	metrics JSON NOT NULL, 
	samples JSON, 
	PRIMARY KEY (run_id, step), 
	FOREIGN KEY(run_id) REFERENCES run (id)
);
INSERT INTO "run_step" VALUES(1,1,'{"reward": 0.1}',NULL);
INSERT INTO "run_step" VALUES(1,2,'{"reward": 0.2}',NULL);
INSERT INTO "run_step" VALUES(1,3,'{"reward": 0.3}',NULL);
INSERT INTO "run_step" VALUES(1,4,'{"reward": 0.4}','{"prompts": ["hello ."], "before": ["yes ."], "now": ["no ."]}');
INSERT INTO "run_step" VALUES(2,1,'{"reward": 0.1}',NULL);
INSERT INTO "run_step" VALUES(2,2,'{"reward": 0.2}',NULL);
INSERT INTO "run_step" VALUES(2,3,'{"reward": 0.3}',NULL);
INSERT INTO "run_step" VALUES(2,4,'{"reward": 0.4}','{"prompts": ["hello ."], "before": ["yes ."], "now": ["no ."]}');
CREATE TABLE schema (
	version INTEGER NOT NULL
);
INSERT INTO "schema" VALUES(2);
CREATE TABLE showing (
	id VARCHAR NOT NULL, 
	lab_id INTEGER NOT NULL, 
	pair_id INTEGER NOT NULL, 
	shown_left VARCHAR NOT NULL, 
	guess FLOAT, 
	shown_at DATETIME NOT NULL, 
	open BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(lab_id) REFERENCES lab (id), 
	FOREIGN KEY(pair_id) REFERENCES pair (id)
);
INSERT INTO "showing" VALUES('0000000000000002',1,1,'a',0.75,'2026-03-01 09:00:05.000000',0);
INSERT INTO "showing" VALUES('0000000000000003',1,2,'a',NULL,'2026-03-01 09:00:15.000000',0);
INSERT INTO "showing" VALUES('0000000000000004',1,3,'a',NULL,'2026-03-01 09:00:30.000000',0);
INSERT INTO "showing" VALUES('0000000000000005',1,4,'a',NULL,'2026-03-01 09:00:40.000000',1);
INSERT INTO "showing" VALUES('0000000000000006',1,5,'a',NULL,'2026-03-01 09:00:45.000000',0);
INSERT INTO "showing" VALUES('0000000000000007',1,6,'a',NULL,'2026-03-01 09:00:45.000000',0);
INSERT INTO "showing" VALUES('0000000000000009',2,7,'a',0.75,'2026-03-01 09:00:50.000000',0);
INSERT INTO "showing" VALUES('000000000000000a',2,8,'a',NULL,'2026-03-01 09:01:00.000000',0);
INSERT INTO "showing" VALUES('000000000000000b',2,9,'a',NULL,'2026-03-01 09:01:15.000000',0);
INSERT INTO "showing" VALUES('000000000000000c',2,10,'a',NULL,'2026-03-01 09:01:25.000000',1);
INSERT INTO "showing" VALUES('000000000000000d',2,11,'a',NULL,'2026-03-01 09:01:30.000000',0);
INSERT INTO "showing" VALUES('000000000000000e',2,12,'a',NULL,'2026-03-01 09:01:30.000000',0);
CREATE INDEX ix_pair_lab_id ON pair (lab_id);
CREATE INDEX ix_run_lab_id ON run (lab_id);
CREATE INDEX ix_showing_lab_id ON showing (lab_id);
CREATE INDEX ix_showing_pair_id ON showing (pair_id);
CREATE UNIQUE INDEX one_open_showing ON showing (lab_id) WHERE open IS 1;
CREATE INDEX ix_run_step_run_id ON run_step (run_id);
CREATE INDEX ix_config_change_run_id ON config_change (run_id);
CREATE INDEX ix_checkpoint_run_id ON checkpoint (run_id);
CREATE UNIQUE INDEX ix_event_showing_id ON event (showing_id);
CREATE INDEX ix_event_lab_id ON event (lab_id);
COMMIT;
