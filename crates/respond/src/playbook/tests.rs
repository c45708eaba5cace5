use super::*;
use expect_test::{Expect, expect};
use serde_json::Value;

fn built_in() -> Value {
    serde_json::from_str(CONTAIN_OT_COMMAND).unwrap()
}

/// Reads the built-in playbook after `change` and tells what is wrong with it.
fn wrong(change: impl Fn(&mut Value), expect: Expect) {
    let mut value = built_in();
    change(&mut value);
    let error = Playbook::read(&value.to_string()).unwrap_err();
    expect.assert_eq(&error.to_string());
}

/// The step whose name ends in `digit`.
fn step(value: &mut Value, digit: u8) -> &mut Value {
    let steps = value["workflow"].as_object_mut().unwrap();
    steps.iter_mut().find(|(key, _)| key.ends_with(&format!("{digit:02}"))).unwrap().1
}

fn safety(value: &mut Value, digit: u8) -> &mut Value {
    step(value, digit)["step_extensions"].as_object_mut().unwrap().values_mut().next().unwrap()
}

#[test]
fn the_built_in_playbook_asks_two_people_and_ends() {
    let playbook = Playbook::contain_ot_command().unwrap();
    let steps: String =
        playbook.steps.iter().map(|step| format!("{}: {:?}\n", step.name, step.work)).collect();
    expect![[r#"
        Asked: Start
        Look up both ends: Enrich
        Simulate the rule: Simulate { go_on: [Clear, Degrades, Unknown] }
        Two approvals, IT and OT: Approve { roles: [It, Ot], lapse_s: 1800 }
        Block the flow, 24 hours at most: Apply { ttl_max: Ttl(86400) }
        Tell the control room: Tell { text: "Call the control room: __source__:value cannot reach __asset__:value until the block ends. Ask them to look at __asset__:value on the spot and to start, stop or change it by their own procedures; Tieline sends no command to a controller." }
        Over: End
    "#]].assert_eq(&steps);
    assert_eq!((playbook.ttl_max(), playbook.lapse()), (Some(Ttl::MAX), Some(Span::s(1800))));
    assert!(playbook.goes_on(Verdict::Degrades) && !playbook.goes_on(Verdict::Breaks));
}

#[test]
fn what_people_are_told_is_in_words_of_the_case() {
    let playbook = Playbook::contain_ot_command().unwrap();
    let steps = playbook.steps_with(&[("asset", "PLC-ASC-1"), ("source", "HIST01")]);
    let text = format!("{:?}", steps[5].work);
    assert!(text.contains("HIST01 cannot reach PLC-ASC-1 until the block ends"), "{text}");
    assert!(!text.contains("__"), "{text}");
}

#[test]
fn an_effect_has_an_end_two_people_and_a_way_back() {
    wrong(
        |v| safety(v, 5)["ttl_max_s"] = 86_401.into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f05/step_extensions/extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10/ttl_max_s: 86401 is not a whole number from 1 to 86400"
        ],
    );
    wrong(
        |v| safety(v, 5)["ttl_max_s"] = Value::Null,
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f05/step_extensions/extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10/ttl_max_s: null is not a whole number from 1 to 86400"
        ],
    );
    wrong(
        |v| drop(safety(v, 5).as_object_mut().unwrap().remove("ttl_max_s")),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f05/step_extensions/extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10: ttl_max_s is missing"
        ],
    );
    wrong(
        |v| safety(v, 5)["undo"] = "none".into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f05/step_extensions/extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10/undo: is none, not remove"
        ],
    );
    wrong(
        |v| safety(v, 5)["class"] = "C4".into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f05/step_extensions/extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10/class: is C4, not C3"
        ],
    );
    wrong(
        |v| safety(v, 5)["class"] = "C0".into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f05/step_extensions/extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10/class: is C0, not C3"
        ],
    );
    wrong(
        |v| safety(v, 4)["roles"] = vec!["it"].into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f04/step_extensions/extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10/roles: it and ot must both approve"
        ],
    );
    wrong(
        |v| safety(v, 4)["roles"] = vec!["it", "it"].into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f04/step_extensions/extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10/roles/1: it stands here twice"
        ],
    );
    wrong(
        |v| safety(v, 4)["lapse_s"] = 86_400.into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f04/step_extensions/extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10/lapse_s: 86400 is not a whole number from 60 to 3600"
        ],
    );
    wrong(
        |v| safety(v, 3)["go_on"] = vec!["clear", "breaks"].into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f03/step_extensions/extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10/go_on: nobody is asked to break the control of a process"
        ],
    );
}

#[test]
fn only_known_work_in_its_order_is_run() {
    wrong(
        |v| safety(v, 2)["work"] = "stop_controller".into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f02/step_extensions/extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10/work: Tieline knows no work stop_controller"
        ],
    );
    wrong(
        |v| safety(v, 2)["persistent"] = true.into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f02/step_extensions/extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10: Tieline does not know persistent here"
        ],
    );
    wrong(
        |v| step(v, 5)["commands"][0]["type"] = "bash".into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f05/commands/0/type: Tieline runs no command of the type bash"
        ],
    );
    wrong(
        |v| step(v, 5)["delay"] = 5000.into(),
        expect!["workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f05: Tieline does not know delay here"],
    );
    wrong(
        |v| {
            *safety(v, 2) = serde_json::json!({"work": "tell", "class": "C0"});
            *safety(v, 3) = serde_json::json!({"work": "tell", "class": "C0"});
        },
        expect!["workflow: apply needs simulate and approve before it"],
    );
    wrong(
        |v| {
            let simulate = safety(v, 3).clone();
            *safety(v, 3) = safety(v, 4).clone();
            *safety(v, 4) = simulate;
        },
        expect!["workflow: simulate cannot come after approve"],
    );
}

#[test]
fn the_steps_are_one_line_from_start_to_end() {
    wrong(
        |v| {
            let third = step(v, 2)["on_completion"].clone();
            step(v, 5)["on_completion"] = third;
        },
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f05/on_completion: comes back to action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f03, so the playbook would never end"
        ],
    );
    wrong(
        |v| {
            let last = step(v, 6)["on_completion"].clone();
            step(v, 2)["on_completion"] = last;
        },
        expect!["workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f03: is never reached"],
    );
    wrong(
        |v| step(v, 2)["on_completion"] = "action--nowhere".into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f02/on_completion: there is no step action--nowhere"
        ],
    );
    wrong(
        |v| drop(step(v, 6).as_object_mut().unwrap().remove("on_completion")),
        expect!["workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f06: on_completion is missing"],
    );
    wrong(
        |v| step(v, 2)["type"] = "parallel".into(),
        expect!["workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f02: its name is not parallel--UUID"],
    );
    wrong(
        |v| {
            let second = step(v, 1)["on_completion"].clone();
            v["workflow_start"] = second;
        },
        expect!["workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f02/type: the first step is not a start"],
    );
}

#[test]
fn a_playbook_is_cacao() {
    wrong(|v| v["spec_version"] = "cacao-1.1".into(), expect!["spec_version: is cacao-1.1, not cacao-2.0"]);
    wrong(|v| v["id"] = "playbook--1".into(), expect!["id: playbook--1 is not playbook--UUID"]);
    wrong(|v| v["revoked"] = true.into(), expect!["revoked: the playbook is revoked"]);
    wrong(
        |v| v["signatures"] = Value::Array(Vec::new()),
        expect!["playbook: Tieline does not know signatures here"],
    );
    wrong(
        |v| v["playbook_variables"]["__password__"] = Value::Null,
        expect!["playbook_variables: Tieline does not know __password__ here"],
    );
    wrong(|v| drop(v.as_object_mut().unwrap().remove("modified")), expect!["playbook: modified is missing"]);
    wrong(
        |v| step(v, 2)["agent"] = "group--unknown".into(),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f02/agent: is not among the agent_definitions"
        ],
    );
    let error = Playbook::read("{\"type\": \"playbook\",}").unwrap_err();
    expect!["playbook: is not JSON: trailing comma at line 1 column 21"].assert_eq(&error.to_string());
}

#[test]
fn without_the_safety_extension_a_playbook_can_only_look_and_tell() {
    wrong(
        |v| drop(v.as_object_mut().unwrap().remove("extension_definitions")),
        expect![
            "workflow/action--5c1e7b1a-2d43-4f55-8b02-9d6a1c0e3f02/step_extensions: the playbook has no definition of Tieline's safety extension"
        ],
    );
    let mut value = built_in();
    value.as_object_mut().unwrap().remove("extension_definitions");
    for digit in 2..=6 {
        step(&mut value, digit).as_object_mut().unwrap().remove("step_extensions");
    }
    let playbook = Playbook::read(&value.to_string()).unwrap();
    let harmless = |work: &Work| matches!(work, Work::Start | Work::Tell { .. } | Work::End);
    assert!(playbook.steps.iter().all(|step| harmless(&step.work)));
    assert_eq!(playbook.ttl_max(), None);
}

#[test]
fn no_text_makes_the_reader_panic_or_an_effect_without_two_people() {
    arbtest::arbtest(|u| {
        let mut text = CONTAIN_OT_COMMAND.to_owned();
        for _ in 0..u.int_in_range(1..=4)? {
            let at = u.choose_index(text.len())?;
            if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                text.replace_range(at..=at, u.choose(&["", "0", "\"", "{", "]", "9", "a"])?);
            }
        }
        if let Ok(playbook) = Playbook::read(&text) {
            let asks = |step: &Step| matches!(&step.work, Work::Approve { roles, .. } if roles.len() == 2);
            assert!(playbook.ttl_max().is_none() || playbook.steps.iter().any(asks));
        }
        Ok(())
    });
}
