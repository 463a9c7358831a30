//! On a server whose transactions are SERIALIZABLE, where they stop each other more often: the same results, and what
//! was stopped is done again, unseen.

use rollcall_testkit::Database;

macro_rules! also_serializable {
    ($($module:ident :: $test:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            crate::$module::$test::run(Database::serializable_postgres().await).await;
        }
    )*};
}

also_serializable!(
    together::five_parallel_writers_to_one_group_lose_nothing,
    together::a_member_added_while_that_user_is_deleted_is_never_left_behind,
    together::users_of_the_same_groups_are_deleted_at_the_same_time,
    together::of_many_who_want_one_name_one_gets_it,
    events::sequencers_at_the_same_time_number_each_change_once,
    events::every_change_becomes_one_event_with_its_paths_before_and_after,
    control::a_credential_is_kept_found_and_revoked_once,
    control::directory_ids_and_names_share_one_namespace_without_case,
    lists::totals_are_exact_before_between_and_after_numbering,
    members::deleting_a_user_gives_each_of_its_groups_a_new_version_and_an_event,
    members::unknown_members_are_all_named_and_nothing_is_applied,
    resources::a_user_name_is_unique_in_any_case_and_free_after_a_rename_or_a_deletion,
    resources::a_second_group_with_the_same_external_id_is_refused_and_users_may_share_one,
    opening::migrating_again_and_at_the_same_time_changes_nothing,
);
