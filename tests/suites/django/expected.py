"""Tests that end otherwise with counters for a reason that is no fault, and changes of which nobody is told.

By the beginning of a test's name.
"""

LOOKS_AT_SQL = "looks at one statement among all that were sent"
NO_LISTENERS = "expects that no signal of its models has a receiver"
RAW_SQL = "writes rows by raw SQL, which only triggers see"
HISTORICAL = "writes rows by the historical models of a migration, of which only triggers tell"

CHANGED = {
    "admin_views.test_actions.AdminActionsTest.test_model_admin_default_delete_action": LOOKS_AT_SQL,
    "backends.base.test_base.DatabaseWrapperLoggingTests": LOOKS_AT_SQL,
    "composite_pk.test_update.CompositePKUpdateTests.test_save_user": LOOKS_AT_SQL,
    "delete.tests.DeletionTests.test_only_referenced_fields_selected": LOOKS_AT_SQL,
    "delete.tests.FastDeleteTests.test_fast_delete_all": LOOKS_AT_SQL,
    "delete.tests.FastDeleteTests.test_fast_delete_instance_set_pk_none": NO_LISTENERS,
    "delete_regress.tests.DeleteTests.test_self_reference_with_through_m2m_at_second_level": LOOKS_AT_SQL,
    "get_or_create.tests.UpdateOrCreateTests.test_update_only_defaults_and_pre_save_fields": LOOKS_AT_SQL,
    "model_inheritance.tests.ModelInheritanceTests.test_create_child_no_update": LOOKS_AT_SQL,
    "model_inheritance.tests.ModelInheritanceTests.test_update_parent_filtering": LOOKS_AT_SQL,
    "queries.test_db_returning.ReturningValuesTests.test_insert_returning": LOOKS_AT_SQL,
    "signals.tests.SignalTests.test_disconnect_in_dispatch": NO_LISTENERS,
}

#: Where changes are captured by signals.
UNSEEN = {
    "auth_tests.test_models.UserManagerTestCase.test_runpython_manager_methods": HISTORICAL,
    "backends.base.test_operations.SqlFlushTests.test_execute_sql_flush_statements": RAW_SQL,
    "backends.tests.BackendTestCase": RAW_SQL,
    "backends.tests.LastExecutedQueryTest": RAW_SQL,
    "contenttypes_tests.test_models.ContentTypesTests.test_get_for_models_migrations_create_model": HISTORICAL,
    "contenttypes_tests.test_operations.ContentTypeOperationsTests": HISTORICAL,
    "field_defaults.tests.DefaultTests.test_both_default": RAW_SQL,
    "multiple_database.tests.MigrateTestCase.test_migrate_to_other_database": HISTORICAL,
    "proxy_model_inheritance.tests.ProxyModelInheritanceTests.test_table_exists": HISTORICAL,
    "swappable_models.tests.SwappableModelTests.test_generated_data": HISTORICAL,
    "timezones.tests.LegacyDatabaseTests.test_cursor_execute_accepts_naive_datetime": RAW_SQL,
    "timezones.tests.NewDatabaseTests.test_cursor_execute_accepts_naive_datetime": RAW_SQL,
}
