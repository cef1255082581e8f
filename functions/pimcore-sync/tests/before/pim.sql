-- The stand-in's file as the version before facts left it: five categories and one product.
BEGIN TRANSACTION;
CREATE TABLE CatalogCategory (id INTEGER PRIMARY KEY, "externalId" TEXT COLLATE general_ci, "name_en" TEXT COLLATE general_ci, "name_ar" TEXT COLLATE general_ci, "slug" TEXT COLLATE general_ci, "shopHandle" TEXT COLLATE general_ci, "hidden" INTEGER);
INSERT INTO "CatalogCategory" VALUES(1003,'shein-api:9100','Women Apparel','ملابس نسائية','women-apparel',NULL,NULL);
INSERT INTO "CatalogCategory" VALUES(1004,'shein-api:9110','Abayas','عبايات','abayas',NULL,NULL);
INSERT INTO "CatalogCategory" VALUES(1006,'shein-api:9111','Open Abayas','عبايات مفتوحة','open-abayas',NULL,NULL);
INSERT INTO "CatalogCategory" VALUES(1008,'shein-api:9120','Accessories','إكسسوارات','accessories',NULL,NULL);
INSERT INTO "CatalogCategory" VALUES(1009,'shein-api:9121','Scarves','أوشحة','scarves',NULL,NULL);
CREATE TABLE CatalogProduct (id INTEGER PRIMARY KEY, "externalId" TEXT COLLATE general_ci, "source" TEXT COLLATE general_ci, "sku" TEXT COLLATE general_ci, "groupId" TEXT COLLATE general_ci, "brand" TEXT COLLATE general_ci, "url" TEXT COLLATE general_ci, "name_en" TEXT COLLATE general_ci, "name_ar" TEXT COLLATE general_ci, "description_en" TEXT COLLATE general_ci, "description_ar" TEXT COLLATE general_ci, "categories" TEXT COLLATE general_ci, "images" TEXT COLLATE general_ci, "attributes" TEXT COLLATE general_ci, "variants" TEXT COLLATE general_ci, "prices" TEXT COLLATE general_ci, "contentHash" TEXT COLLATE general_ci, "sourceVersion" TEXT COLLATE general_ci, "feedRun" TEXT COLLATE general_ci, "warnings" TEXT COLLATE general_ci, "importedAt" INTEGER, "withdrawn" INTEGER, "marketingName_en" TEXT COLLATE general_ci, "marketingName_ar" TEXT COLLATE general_ci, "marketingDescription_en" TEXT COLLATE general_ci, "marketingDescription_ar" TEXT COLLATE general_ci, "extraCategories" TEXT COLLATE general_ci, "shopVisibility" TEXT COLLATE general_ci, "keepWhenWithdrawn" INTEGER);
INSERT INTO "CatalogProduct" VALUES(1011,'shein-api:70010003','shein-api','nsm-002-wht','nsm-002','Nasmah',NULL,'Light Silk Scarf with Geometric Print','وشاح حريري خفيف بطبعة هندسية','Material: Silk','خامة: حرير
لون: أبيض',',1009,','[{"url":"https://cdn.example.com/demo/scarf-1.webp","variantSku":null,"position":0}]','[{"code":"160","lang":"ar","name":"خامة","text":"حرير"},{"code":"160","lang":"en","name":"Material","text":"Silk"},{"code":"27","lang":"ar","name":"لون","text":"أبيض"}]','[{"sku":"NSM002","title":"Default","option1Name":null,"option1Value":null,"option2Name":null,"option2Value":null,"option3Name":null,"option3Value":null,"stock":40,"position":0}]','[{"sku":"NSM002","currency":"SAR","amount":"59.95","listAmount":null},{"sku":"NSM002","currency":"USD","amount":"15.99","listAmount":null}]','4625e7c7ef4f08b455099134da327bb6','1795762458000-000006613C861AB76B000000-00000000002','20261127T0654181-103e1e0623','',1795762459,0,NULL,NULL,NULL,NULL,NULL,'inherit',NULL);
CREATE TABLE drafts (object INTEGER PRIMARY KEY, made INTEGER NOT NULL, changes TEXT NOT NULL);
CREATE TABLE objects (
           id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER NOT NULL, class TEXT, key TEXT NOT NULL, path TEXT NOT NULL,
           published INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL, version INTEGER,
           UNIQUE (path, key));
INSERT INTO "objects" VALUES(1,0,NULL,'','/',1,1795762415,1795762415,NULL);
INSERT INTO "objects" VALUES(1000,1,NULL,'catalog','/',1,1795762415,1795762415,NULL);
INSERT INTO "objects" VALUES(1001,1000,NULL,'products','/catalog/',1,1795762415,1795762415,NULL);
INSERT INTO "objects" VALUES(1002,1000,NULL,'categories','/catalog/',1,1795762415,1795762415,NULL);
INSERT INTO "objects" VALUES(1003,1002,'CatalogCategory','shein-api-9100','/catalog/categories/',1,1795762459,1795762459,2);
INSERT INTO "objects" VALUES(1004,1003,'CatalogCategory','shein-api-9110','/catalog/categories/shein-api-9100/',1,1795762459,1795762459,4);
INSERT INTO "objects" VALUES(1006,1004,'CatalogCategory','shein-api-9111','/catalog/categories/shein-api-9100/shein-api-9110/',1,1795762459,1795762459,8);
INSERT INTO "objects" VALUES(1008,1003,'CatalogCategory','shein-api-9120','/catalog/categories/shein-api-9100/',1,1795762459,1795762459,12);
INSERT INTO "objects" VALUES(1009,1008,'CatalogCategory','shein-api-9121','/catalog/categories/shein-api-9100/shein-api-9120/',1,1795762459,1795762459,14);
INSERT INTO "objects" VALUES(1011,1001,'CatalogProduct','shein-api-70010003','/catalog/products/',1,1795762459,1795762459,18);
CREATE TABLE saves (object INTEGER PRIMARY KEY, count INTEGER NOT NULL);
INSERT INTO "saves" VALUES(1003,1);
INSERT INTO "saves" VALUES(1004,1);
INSERT INTO "saves" VALUES(1006,1);
INSERT INTO "saves" VALUES(1008,1);
INSERT INTO "saves" VALUES(1009,1);
INSERT INTO "saves" VALUES(1011,1);
CREATE TABLE versions (id INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE INDEX by_parent ON objects (parent);
CREATE INDEX by_change ON objects (class, modified, id);
CREATE UNIQUE INDEX CatalogProduct_external ON CatalogProduct (externalId);
CREATE UNIQUE INDEX CatalogCategory_external ON CatalogCategory (externalId);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('objects',1012);
INSERT INTO "sqlite_sequence" VALUES('versions',20);
COMMIT;
