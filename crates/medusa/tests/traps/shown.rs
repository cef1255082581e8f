//! Which tests show each line of docs/medusa.md, by how the line begins.

/// How a line begins, and its tests.
pub(super) type Shown = (&'static str, &'static [&'static str]);

/// Who owns what.
pub(super) const OWNED: &[Shown] = &[
    ("title, main image", &["what_people_changed_in_our_fields_is_undone"]),
    (
        "description, external id",
        &["what_people_changed_in_our_fields_is_undone", "every_transition_ends_in_exactly_the_new_state"],
    ),
    ("a variant's SKU", &["every_transition_ends_in_exactly_the_new_state"]),
    ("title and description in the PIM's other language", &["every_transition_ends_in_exactly_the_new_state"]),
    (
        "prices without conditions",
        &["what_people_changed_in_our_fields_is_undone", "whatever_is_for_sale_can_be_paid_in_its_currency"],
    ),
    ("our price lists", &["with_managed_price_lists_every_transition_ends_in_exactly_the_new_state"]),
    ("categories `source:id`", &["moves_that_would_damage_the_tree_are_not_made"]),
    ("weight, size", &["what_people_filled_in_stays_where_the_pim_says_nothing"]),
    ("the handle", &["addresses_stay_until_somebody_moves_them_and_then_every_old_one_leads_on"]),
    ("further images", &["an_image_that_a_person_added_stays_in_its_place_and_ours_come_and_go_around_it"]),
    (
        "prices for quantities",
        &[
            "a_price_for_one_region_or_group_keeps_its_row_its_amount_and_its_rules",
            "what_people_added_in_the_shop_stays",
        ],
    ),
    ("*manage inventory*", &["stock_that_people_chose_not_to_count_is_left_alone"]),
    (
        "tags, type, collection",
        &[
            "tags_type_and_collection_survive_every_kind_of_push",
            "what_people_added_in_the_shop_stays",
            "peoples_categories_metadata_and_languages_stay",
        ],
    ),
    ("the shipping profile", &["null_and_absent_relations_of_a_half_made_product_are_filled"]),
    (
        "*published*",
        &[
            "a_product_that_a_person_took_off_sale_stays_so_and_is_kept_current_until_a_person_ends_it",
            "a_product_that_a_person_deleted_stays_away_until_it_is_released",
        ],
    ),
    ("a variant's being there", &["a_variant_that_a_person_deleted_stays_away_and_the_others_go_on"]),
    (
        "stock at",
        &[
            "what_was_sold_stays_sold_when_only_the_title_changes",
            "a_new_figure_knows_the_orders_from_before_its_time_and_no_others",
        ],
    ),
    (
        "a variant that the PIM no longer has",
        &[
            "whatever_a_transition_takes_away_is_sold_out_and_comes_back_with_all_that_people_gave_it",
            "a_size_that_open_orders_hold_stays_with_no_stock_and_goes_when_they_are_done",
        ],
    ),
    ("a product that the PIM lacks", &["a_product_that_vanished_is_deleted_when_its_time_is_over_and_nobody_needs_it"]),
    (
        "a bar code of",
        &[
            "a_bar_code_goes_from_what_is_no_longer_for_sale_to_who_needs_it_and_comes_back",
            "a_bar_code_that_another_product_has_holds_up_nobody",
        ],
    ),
];

/// What Medusa does; the first ten have numbers.
pub(super) const TRAPS: &[Shown] = &[
    (
        "A secret key",
        &[
            "parallel_calls_log_in_once",
            "a_token_that_is_refused_is_renewed_once",
            "a_secret_key_goes_as_basic_authorization",
        ],
    ),
    (
        "It answers 401",
        &[
            "a_401_that_a_new_login_does_not_cure_is_nobodys_fault",
            "only_the_login_can_say_that_the_password_is_wrong_and_nothing_shows_it",
            "a_wrong_secret_and_a_dead_database_leave_the_messages_waiting",
        ],
    ),
    (
        "`variants` in an update",
        &[
            "a_product_update_has_no_place_for_variants_options_or_prices",
            "a_variant_without_an_inventory_item_gets_one",
        ],
    ),
    ("`prices` of a variant", &["a_price_that_changes_keeps_its_row_and_what_people_added"]),
    ("It refuses `options`", &["an_option_can_be_removed_although_open_orders_hold_a_variant"]),
    (
        "External ids",
        &[
            "two_creators_of_one_product_that_read_different_titles_leave_one_product",
            "a_create_that_lands_late_leaves_one_product",
            "of_two_products_with_one_external_id_the_older_is_ours",
            "a_handle_taken_by_somebody_else_is_left_to_them",
        ],
    ),
    (
        "Parallel writes",
        &[
            "four_functions_with_the_same_products_leave_no_duplicate_row",
            "with_price_lists_four_functions_with_the_same_products_leave_no_duplicate_row",
            "duplicate_rows_of_parallel_writers_are_cleaned",
            "mixed_images_of_parallel_writers_are_cleaned",
        ],
    ),
    (
        "A batch is all or nothing",
        &[
            "after_a_crash_the_next_delivery_completes_the_shop",
            "half_made_products_are_completed",
            "one_bad_product_does_not_hold_up_the_batch",
        ],
    ),
    (
        "It takes unknown",
        &[
            "every_wrong_reference_is_named_and_leaves_the_messages_waiting",
            "what_medusa_would_sell_wrongly_is_refused_with_product_field_and_value",
            "prices_are_those_the_store_sells_in_and_list_prices_those_that_are_higher",
        ],
    ),
    ("`updated_at`", &["no_read_asks_when_a_product_was_updated"]),
    (
        "A crash leaves products",
        &[
            "a_variant_that_a_crash_left_without_a_price_set_is_sold_again",
            "a_variant_without_a_price_set_is_made_anew",
        ],
    ),
    ("A crash leaves inventory", &["an_inventory_item_that_a_crash_left_behind_gives_way"]),
    (
        "A lost answer",
        &[
            "after_the_functions_death_the_next_delivery_completes_the_shop",
            "a_read_is_sent_again_when_the_connection_breaks_and_a_write_is_not",
            "only_a_write_that_was_sent_can_still_land",
            "after_an_interruption_the_shop_is_compared_in_full",
        ],
    ),
    (
        "Two products want one SKU",
        &[
            "skus_move_between_products_in_any_order",
            "a_sku_that_belongs_to_somebody_else_is_refused_by_name_and_holds_up_nobody",
        ],
    ),
    (
        "Two products want a SKU",
        &[
            "of_two_sources_with_one_id_both_are_for_sale_and_each_keeps_its_skus",
            "at_once_in_a_batch_or_by_two_functions_one_has_the_sku_and_the_other_its_own",
        ],
    ),
    ("Only the handle", &["two_processes_make_a_category_once", "four_functions_that_start_at_once_make_one_list"]),
    (
        "[Bodies]",
        &[
            "what_medusa_would_not_take_is_not_sent",
            "batches_are_split_by_size_and_by_weight",
            "queries_stay_below_what_node_accepts",
        ],
    ),
    ("It answers 500", &["plain_text_stays_as_it_is"]),
    (
        "It takes JSON numbers",
        &[
            "goes_over_the_wire_as_its_own_digits",
            "whatever_is_offered_can_be_bought_at_exactly_its_price_and_nothing_else_can",
        ],
    ),
    (
        "A refused `variants/batch`",
        &[
            "medusa_drops_the_prices_of_a_variants_batch_that_it_refuses",
            "a_size_whose_sku_is_taken_waits_alone_and_the_others_keep_their_prices_and_get_new_ones",
        ],
    ),
    ("It gives a price's", &["every_field_that_the_diff_relies_on_is_delivered_by_the_read"]),
    ("`tags`, `categories`", &["tags_type_and_collection_survive_every_kind_of_push"]),
];

/// What holds whatever goes wrong.
pub(super) const PROOFS: &[Shown] = &[
    (
        "`make writes-fail`",
        &[
            "whatever_write_is_refused_or_lost_no_price_is_missing_and_nothing_of_peoples",
            "the_same_with_reduced_prices_in_price_lists",
            "whatever_write_of_a_creation_is_refused_or_lost_nothing_is_on_sale_before_it_is_whole",
            "the_same_where_what_is_gone_is_kept_sold_out_and_lends_its_bar_code",
            "the_same_where_a_kept_size_is_deleted_because_its_time_is_over",
            "whatever_write_is_refused_or_lost_what_is_off_sale_stays_so_until_it_is_released_or_offered_again",
            "whatever_write_of_a_move_is_refused_or_lost_the_old_address_leads_on",
        ],
    ),
    (
        "`make race`",
        &[
            "orders_that_race_feeds_sell_nothing_twice",
            "orders_reserve_fulfilments_take_and_returns_bring_back",
            "what_came_back_and_was_undone_by_a_write_is_for_sale_again",
            "more_than_is_available_is_not_sold_and_a_level_below_the_reservations_is_shown_below_zero",
        ],
    ),
    (
        "`RELAY_CRASHES=20 make test-crash`",
        &[
            "after_a_crash_the_next_delivery_completes_the_shop",
            "after_the_functions_death_the_next_delivery_completes_the_shop",
        ],
    ),
];
