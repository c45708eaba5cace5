//! What the binary promises to whoever calls it: exit codes, messages, what goes where.

use crate::run::{folder, tieline};

fn call(args: &[&str]) -> crate::run::Run {
    tieline(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
}

#[test]
fn a_file_that_is_not_there_is_wrong_use() {
    let run = call(&["read", "/nowhere/at/all.pcap"]);
    assert_eq!((run.code, run.stderr.trim()), (2, "error: there is no file /nowhere/at/all.pcap"));
    assert_eq!(run.stdout, "");
}

#[test]
fn a_folder_without_a_file_is_wrong_use() {
    let run = call(&["read", &folder("nothing_in_it").display().to_string()]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("there is no file"), "{}", run.stderr);
}

#[test]
fn a_damaged_entry_is_told_with_its_place() {
    let path = folder("damaged_entry").join("cut.json");
    std::fs::write(&path, "{\"a\":1}\n{\"b\":").unwrap();
    let run = call(&["read", "--quiet", &path.display().to_string()]);
    assert!(run.stderr.contains("cut.json: line 2: "), "{}", run.stderr);
}

#[test]
fn what_is_no_filter_is_wrong_use_and_nothing_is_begun() {
    let dir = folder("no_filter");
    let capture = dir.join("empty.pcap");
    std::fs::write(&capture, b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0").unwrap();
    let (capture, logs) = (capture.display().to_string(), dir.join("logs"));
    let run = call(&["read", &capture, "--filter", "tcp port modbsu"]);
    let said = "error: the filter \"tcp port modbsu\": column 10: there is no port modbsu in the table; give its number";
    assert_eq!((run.code, run.stderr.trim()), (2, said));
    assert_eq!(call(&["read", &capture, "--filter", "tcp port modbus"]).code, 0);
    for filter in ["host plc-1", "ip and not ip"] {
        let run = call(&["sense", "-i", "lo", "--filter", filter, "--zeek-dir", &logs.display().to_string()]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(!logs.exists());
    }
}

#[test]
fn a_folder_without_rules_is_wrong_use() {
    let dir = folder("no_rules");
    let capture = dir.join("empty.pcap");
    std::fs::write(&capture, b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0").unwrap();
    let rules = folder("no_rules_here");
    let run = call(&["read", &capture.display().to_string(), "--rules", &rules.display().to_string()]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("there is no rule in"), "{}", run.stderr);
    assert_eq!(call(&["read", &capture.display().to_string()]).code, 0);
}

#[test]
fn a_rule_that_cannot_be_loaded_is_named_with_file_and_line() {
    let rules = folder("bad_rule");
    std::fs::write(
        rules.join("bad.yml"),
        "title: Bad\nlogsource:\n  product: windows\ndetection:\n  condition: missing\n",
    )
    .unwrap();
    let run = call(&["rules", "check", "--rules", &rules.display().to_string()]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("bad.yml:"), "{}", run.stdout);
}

#[test]
fn what_is_wrong_with_one_file_costs_only_that_file() {
    let dir = folder("one_bad");
    lab::sample::write(&dir, 1).unwrap();
    let (good, bad) = (dir.join("evidence/site.pcap"), dir.join("junk.bin"));
    std::fs::write(&bad, [0xee; 100]).unwrap();
    let run = call(&["read", "--json", &bad.display().to_string(), &good.display().to_string()]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("junk.bin: neither a capture nor"), "{}", run.stderr);
    assert!(run.json().iter().any(|line| line["log"] == "modbus_umas"), "the good file is read all the same");
}

#[test]
fn a_capture_cut_short_is_read_as_far_as_it_goes() {
    let dir = folder("cut_short");
    lab::sample::write(&dir, 1).unwrap();
    let whole = std::fs::read(dir.join("evidence/site.pcap")).unwrap();
    let cut = dir.join("cut.pcap");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let run = call(&["read", "--json", &cut.display().to_string()]);
    let file = &run.json()[0];
    assert!(file["entries"].as_u64().unwrap() > 100, "{file}");
    assert!(file["damage"].as_str().unwrap().starts_with("the capture ends inside packet"), "{file}");
}

#[test]
fn the_same_capture_gives_the_same_logs() {
    let dir = folder("same");
    lab::sample::write(&dir, 1).unwrap();
    let capture = dir.join("evidence/site.pcap").display().to_string();
    let logs = ["a", "b"].map(|name| dir.join(name));
    for out in &logs {
        call(&["read", "--quiet", &capture, "--zeek-dir", &out.display().to_string()]);
    }
    let mut names: Vec<_> =
        std::fs::read_dir(&logs[0]).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert!(names.iter().any(|name| name == "modbus_umas.log"), "{names:?}");
    for name in names {
        assert!(
            std::fs::read(logs[0].join(&name)).unwrap() == std::fs::read(logs[1].join(&name)).unwrap(),
            "{name:?}"
        );
    }
}

#[test]
fn every_example_in_a_built_in_rule_holds() {
    let run = call(&["rules", "test"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
}
