//! The shapes of Windows events: each gives the same fields.

use crate::Format::{JsonLines, WindowsXml};
use crate::testing::{all, only, show};
use expect_test::{Expect, expect};

fn xml(text: &str, expect: Expect) {
    expect.assert_eq(&show(&all(WindowsXml, text.as_bytes())));
}

fn json(text: &str, expect: Expect) {
    expect.assert_eq(&show(&all(JsonLines, text.as_bytes())));
}

const LOGON: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>
<Provider Name="Microsoft-Windows-Security-Auditing" Guid="{54849625-5478-4994-a5ba-3e3b0328c30d}"/>
<EventID>4624</EventID><Version>2</Version><Level>0</Level><Keywords>0x8020000000000000</Keywords>
<TimeCreated SystemTime="2026-03-02T09:14:07.1234567Z"/><EventRecordID>51</EventRecordID><Correlation/>
<Execution ProcessID="640" ThreadID="712"/><Channel>Security</Channel><Computer>JUMP01.plant.example</Computer>
<Security/></System><EventData><Data Name="TargetUserName">m.keller</Data><Data Name="TargetDomainName">PLANT</Data>
<Data Name="TargetLogonId">0x5A3C1</Data><Data Name="LogonType">10</Data><Data Name="WorkstationName">JUMP01</Data>
<Data Name="ProcessName">C:\R&amp;D\a&#32;b &amp; &lt;c&gt;</Data><Data Name="IpAddress">10.4.20.17</Data></EventData>
<RenderingInfo Culture="en-US"><Message>An account was logged on.</Message><Level>Information</Level></RenderingInfo>
</Event>"#;

#[test]
fn a_logon_names_the_account_the_session_and_where_it_came_from() {
    xml(
        LOGON,
        expect![[r#"
        windows_security 2026-03-02T09:14:07.123456Z 51
          sources windows// windows//security
          Provider_Name = "Microsoft-Windows-Security-Auditing"
          Provider_Guid = "{54849625-5478-4994-a5ba-3e3b0328c30d}"
          EventID = 4624
          Version = 2
          Level = 0
          Keywords = "0x8020000000000000"
          TimeCreated_SystemTime = "2026-03-02T09:14:07.1234567Z"
          EventRecordID = 51
          Execution_ProcessID = 640
          Execution_ThreadID = 712
          Channel = "Security"
          Computer = "JUMP01.plant.example"
          TargetUserName = "m.keller"
          TargetDomainName = "PLANT"
          TargetLogonId = "0x5A3C1"
          LogonType = "10"
          WorkstationName = "JUMP01"
          ProcessName = "C:\\R&D\\a b & <c>"
          IpAddress = "10.4.20.17"
          Message = "An account was logged on."
          target.host JUMP01.plant.example
          actor.user PLANT\m.keller
          actor.session JUMP01.plant.example/0x5a3c1
          source.ip 10.4.20.17
          source.host JUMP01
    "#]],
    );
}

#[test]
fn a_process_names_its_parent_and_the_files_of_its_command_line() {
    xml(
        r#"<Event><System><Provider Name="Microsoft-Windows-Sysmon"/><EventID>1</EventID>
<TimeCreated SystemTime="2026-03-02T09:02:11Z"/><EventRecordID>7</EventRecordID>
<Execution ProcessID="2100" ThreadID="4"/><Channel>Microsoft-Windows-Sysmon/Operational</Channel>
<Computer>WS-ENG-07.plant.example</Computer></System><EventData><Data Name="UtcTime">2026-03-02 09:02:10.990</Data>
<Data Name="ProcessId">4711</Data><Data Name="Image">C:\Program Files\Office\WINWORD.EXE</Data>
<Data Name="CommandLine">"C:\Program Files\Office\WINWORD.EXE" /n "C:\Users\m.keller\Invoice_2026-03.docm"</Data>
<Data Name="User">PLANT\m.keller</Data><Data Name="LogonId">0x3E7AB</Data>
<Data Name="ParentImage">C:\Program Files\Office\OUTLOOK.EXE</Data></EventData></Event>"#,
        expect![[r#"
            windows_sysmon 2026-03-02T09:02:11.000000Z 7
              sources windows// windows//sysmon windows/process_creation/
              Provider_Name = "Microsoft-Windows-Sysmon"
              EventID = 1
              TimeCreated_SystemTime = "2026-03-02T09:02:11Z"
              EventRecordID = 7
              Execution_ProcessID = 2100
              Execution_ThreadID = 4
              Channel = "Microsoft-Windows-Sysmon/Operational"
              Computer = "WS-ENG-07.plant.example"
              UtcTime = "2026-03-02 09:02:10.990"
              ProcessId = "4711"
              Image = "C:\\Program Files\\Office\\WINWORD.EXE"
              CommandLine = "\"C:\\Program Files\\Office\\WINWORD.EXE\" /n \"C:\\Users\\m.keller\\Invoice_2026-03.docm\""
              User = "PLANT\\m.keller"
              LogonId = "0x3E7AB"
              ParentImage = "C:\\Program Files\\Office\\OUTLOOK.EXE"
              target.host WS-ENG-07.plant.example
              actor.user PLANT\m.keller
              actor.session WS-ENG-07.plant.example/0x3e7ab
              actor.process OUTLOOK.EXE
              object.process WINWORD.EXE
              object.file Invoice_2026-03.docm
        "#]],
    );
}

#[test]
fn a_process_of_the_security_log_has_the_fields_that_rules_know_from_sysmon() {
    xml(
        r"<Event><System><EventID>4688</EventID><Channel>Security</Channel><Computer>HIST01</Computer></System><EventData>
<Data Name='SubjectUserName'>m.keller</Data><Data Name='SubjectDomainName'>PLANT</Data>
<Data Name='SubjectLogonId'>0x7be02</Data><Data Name='NewProcessName'>C:\Python\python.exe</Data>
<Data Name='CommandLine'>python flowcalc.py</Data><Data Name='MandatoryLabel'>S-1-16-8192</Data>
<Data Name='ParentProcessName'>C:\Windows\explorer.exe</Data></EventData></Event>",
        expect![[r#"
            windows_security 1970-01-01T00:00:00.000000Z 1
              sources windows// windows//security windows/process_creation/
              EventID = 4688
              Channel = "Security"
              Computer = "HIST01"
              SubjectUserName = "m.keller"
              SubjectDomainName = "PLANT"
              SubjectLogonId = "0x7be02"
              NewProcessName = "C:\\Python\\python.exe"
              CommandLine = "python flowcalc.py"
              MandatoryLabel = "S-1-16-8192"
              ParentProcessName = "C:\\Windows\\explorer.exe"
              Image = "C:\\Python\\python.exe"
              ParentImage = "C:\\Windows\\explorer.exe"
              IntegrityLevel = "S-1-16-8192"
              LogonId = "0x7be02"
              User = "PLANT\\m.keller"
              target.host HIST01
              actor.user PLANT\m.keller
              actor.session HIST01/0x7be02
              actor.process explorer.exe
              object.process python.exe
              object.file flowcalc.py
        "#]],
    );
}

#[test]
fn a_registry_value_of_the_security_log_is_written_as_sysmon_writes_it() {
    xml(
        r"<Event><System><EventID>4657</EventID><Channel>Security</Channel></System><EventData>
<Data Name='ObjectName'>\REGISTRY\MACHINE\SYSTEM\X</Data><Data Name='ObjectValueName'>Start</Data>
<Data Name='NewValueType'>%%1876</Data><Data Name='NewValue'>4</Data></EventData></Event>",
        expect![[r#"
            windows_security 1970-01-01T00:00:00.000000Z 1
              sources windows// windows//security windows/registry_set/ windows/registry_event/
              EventID = 4657
              Channel = "Security"
              ObjectName = "\\REGISTRY\\MACHINE\\SYSTEM\\X"
              ObjectValueName = "Start"
              NewValueType = "%%1876"
              NewValue = "4"
              EventType = "SetValue"
              TargetObject = "HKLM\\SYSTEM\\X\\Start"
              Details = "DWORD (0x00000004)"
        "#]],
    );
}

#[test]
fn unnamed_data_is_a_list_and_nested_user_data_is_flat() {
    xml(
        "<Events><Event><System><EventID Qualifiers='0'>400</EventID><Channel>Windows PowerShell</Channel></System>
<EventData><Data>Available</Data><Data>None</Data><Data>HostApplication=powershell\r\n EngineVersion=2.0</Data><Binary/></EventData></Event>
<Event><System><EventID>1149</EventID>
<Channel>Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational</Channel></System><UserData>
<EventXML xmlns='Event_NS'><Param1>m.keller</Param1><Param2>PLANT</Param2><Param3>10.4.20.17</Param3>
<Deep Kind='a'><Deeper>x</Deeper><Deeper>y</Deeper></Deep></EventXML></UserData></Event></Events>",
        expect![[r#"
            windows_powershell_classic 1970-01-01T00:00:00.000000Z 1
              sources windows// windows//powershell-classic windows/ps_classic_start/
              EventID_Qualifiers = 0
              EventID = 400
              Channel = "Windows PowerShell"
              Data = ["Available", "None", "HostApplication=powershell\r\n EngineVersion=2.0"]
              Binary = ""
            windows_terminalservices_remoteconnectionmanager 1970-01-01T00:00:00.000000Z 2
              sources windows// windows//terminalservices-remoteconnectionmanager
              EventID = 1149
              Channel = "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational"
              Param1 = "m.keller"
              Param2 = "PLANT"
              Param3 = "10.4.20.17"
              Deep_Kind = "a"
              Deeper = ["x", "y"]
              actor.user PLANT\m.keller
              source.ip 10.4.20.17
        "#]],
    );
}

#[test]
fn data_cannot_make_an_event_look_like_another_but_wins_elsewhere() {
    xml(
        "<Event><System><EventID>1</EventID><Level>4</Level><Channel>Application</Channel></System><EventData>
<Data Name='EventID'>4624</Data><Data Name='Channel'>Security</Data><Data Name='Level'>high</Data>
<Data Name='Threat Name'>Eicar</Data></EventData></Event>",
        expect![[r#"
            windows_application 1970-01-01T00:00:00.000000Z 1
              sources windows// windows//application
              EventID = 1
              Channel = "Application"
              EventData_EventID = "4624"
              EventData_Channel = "Security"
              Level = "high"
              Threat Name = "Eicar"
              ThreatName = "Eicar"
        "#]],
    );
}

#[test]
fn sysmon_12_is_an_addition_or_a_deletion_by_its_event_type() {
    let event = |kind: &str| {
        format!(
            "<Event><System><EventID>12</EventID><Channel>Microsoft-Windows-Sysmon/Operational</Channel></System>
<EventData><Data Name='EventType'>{kind}</Data></EventData></Event>"
        )
    };
    let categories = |kind| {
        let sources = only(WindowsXml, event(kind).as_bytes()).sources;
        sources.iter().filter_map(|source| source.category).collect::<Vec<_>>()
    };
    assert_eq!(categories("CreateKey"), ["registry_event", "registry_add"]);
    assert_eq!(categories("DeleteValue"), ["registry_event", "registry_delete"]);
    assert_eq!(categories("new"), ["registry_event", "registry_add", "registry_delete"]);
}

#[test]
fn winlogbeat_is_lifted_to_the_names_of_the_event() {
    json(
        r#"{"@timestamp":"2026-03-02T09:14:07.123Z","agent":{"type":"winlogbeat"},"log":{"level":"information"},"message":"An account was logged on.","winlog":{"channel":"Security","computer_name":"JUMP01.plant.example","event_id":"4624","provider_name":"Microsoft-Windows-Security-Auditing","record_id":51,"process":{"pid":640,"thread":{"id":712}},"event_data":{"TargetUserName":"m.keller","TargetDomainName":"PLANT","LogonType":"10","TargetLogonId":"0x5a3c1","IpAddress":"10.4.20.17"}}}
{"@timestamp":"2026-03-02T09:15:00Z","winlog":{"channel":"Windows PowerShell","event_id":400,"event_data":{"param1":"Available","param2":"None","param3":"HostApplication=powershell"}}}"#,
        expect![[r#"
            windows_security 2026-03-02T09:14:07.123000Z 1
              sources windows// windows//security
              Provider_Name = "Microsoft-Windows-Security-Auditing"
              EventID = 4624
              EventRecordID = 51
              Execution_ProcessID = 640
              Execution_ThreadID = 712
              Channel = "Security"
              Computer = "JUMP01.plant.example"
              Level = "information"
              TargetUserName = "m.keller"
              TargetDomainName = "PLANT"
              LogonType = "10"
              TargetLogonId = "0x5a3c1"
              IpAddress = "10.4.20.17"
              @timestamp = "2026-03-02T09:14:07.123Z"
              agent.type = "winlogbeat"
              log.level = "information"
              message = "An account was logged on."
              winlog.channel = "Security"
              winlog.computer_name = "JUMP01.plant.example"
              winlog.event_id = "4624"
              winlog.provider_name = "Microsoft-Windows-Security-Auditing"
              winlog.record_id = 51
              winlog.process.pid = 640
              winlog.process.thread.id = 712
              Message = "An account was logged on."
              target.host JUMP01.plant.example
              actor.user PLANT\m.keller
              actor.session JUMP01.plant.example/0x5a3c1
              source.ip 10.4.20.17
            windows_powershell_classic 2026-03-02T09:15:00.000000Z 2
              sources windows// windows//powershell-classic windows/ps_classic_start/
              EventID = 400
              Channel = "Windows PowerShell"
              Data = ["Available", "None", "HostApplication=powershell"]
              param1 = "Available"
              param2 = "None"
              param3 = "HostApplication=powershell"
              @timestamp = "2026-03-02T09:15:00Z"
              winlog.channel = "Windows PowerShell"
              winlog.event_id = 400
        "#]],
    );
}

#[test]
fn nxlog_gets_the_names_of_the_event_and_its_local_time_is_taken_as_utc() {
    json(
        r#"{"EventTime":"2020-10-18 08:12:01","Hostname":"WS5.plant.example","EventID":3,"SourceName":"Microsoft-Windows-Sysmon","Channel":"Microsoft-Windows-Sysmon/Operational","RecordNumber":99,"ExecutionProcessID":3500,"Image":"C:\\a.exe","SourceIp":"10.4.20.17","DestinationIp":"10.3.0.20","User":"PLANT\\m.keller","ERROR":true}
{"EventTime":"2020-06-09 22:50:54","@timestamp":"2020-06-10T02:50:56.537Z","EventID":"4634","Channel":"security","SourceName":"x","Hostname":null}"#,
        expect![[r#"
            windows_sysmon 2020-10-18T08:12:01.000000Z 1
              sources windows// windows//sysmon windows/network_connection/
              Provider_Name = "Microsoft-Windows-Sysmon"
              EventRecordID = 99
              Execution_ProcessID = 3500
              Computer = "WS5.plant.example"
              EventTime = "2020-10-18 08:12:01"
              Hostname = "WS5.plant.example"
              EventID = 3
              SourceName = "Microsoft-Windows-Sysmon"
              Channel = "Microsoft-Windows-Sysmon/Operational"
              RecordNumber = 99
              ExecutionProcessID = 3500
              Image = "C:\\a.exe"
              SourceIp = "10.4.20.17"
              DestinationIp = "10.3.0.20"
              User = "PLANT\\m.keller"
              ERROR = true
              target.host WS5.plant.example
              actor.user PLANT\m.keller
              actor.process a.exe
              source.ip 10.4.20.17
              target.ip 10.3.0.20
            windows_security 2020-06-10T02:50:56.537000Z 2
              sources windows// windows//security
              Provider_Name = "x"
              EventTime = "2020-06-09 22:50:54"
              @timestamp = "2020-06-10T02:50:56.537Z"
              EventID = 4634
              Channel = "security"
              SourceName = "x"
              Hostname = null
        "#]],
    );
}

#[test]
fn evtx_dump_gives_the_names_of_the_event_over_several_lines() {
    json(
        r##"Record 1
{
  "Event": {
    "#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
    "System": {
      "Provider": {"#attributes": {"Name": "Service Control Manager", "EventSourceName": "SCM"}},
      "EventID": {"#attributes": {"Qualifiers": 16384}, "#text": 7045},
      "TimeCreated": {"#attributes": {"SystemTime": "2026-03-02T09:14:07.123456Z"}},
      "Correlation": null,
      "Execution": {"#attributes": {"ProcessID": 4, "ThreadID": 8}},
      "Channel": "System",
      "Computer": "HIST01"
    },
    "EventData": {"ServiceName": "x{\"", "ImagePath": "C:\\Temp\\drop.exe -k", "Data": {"#text": ["a", "b"]}}
  }
}
Record 2
{"Event":{"EventID_attributes":{"x":1},"System":{"Provider_attributes":{"Name":"p"},"EventID":1102,"EventID_attributes":{"Qualifiers":7},"Channel":"Security"},"UserData":{"LogFileCleared":{"#attributes":{"xmlns":"u"},"SubjectUserName":"m.keller","SubjectDomainName":"PLANT"}}}}
"##,
        expect![[r#"
            windows_system 2026-03-02T09:14:07.123456Z 2
              sources windows// windows//system
              Provider_Name = "Service Control Manager"
              Provider_EventSourceName = "SCM"
              EventID_Qualifiers = 16384
              EventID = 7045
              TimeCreated_SystemTime = "2026-03-02T09:14:07.123456Z"
              Execution_ProcessID = 4
              Execution_ThreadID = 8
              Channel = "System"
              Computer = "HIST01"
              ServiceName = "x{\""
              ImagePath = "C:\\Temp\\drop.exe -k"
              Data = ["a", "b"]
              target.host HIST01
              object.file drop.exe
            windows_security 1970-01-01T00:00:00.000000Z 18
              sources windows// windows//security
              Provider_Name = "p"
              EventID = 1102
              EventID_Qualifiers = 7
              Channel = "Security"
              x = 1
              SubjectUserName = "m.keller"
              SubjectDomainName = "PLANT"
              actor.user PLANT\m.keller
        "#]],
    );
}

#[test]
fn other_json_keeps_its_values_and_claims_no_windows_source() {
    json(
        r#"[{"ts":1710763223.568379,"uid":"CZu1","id.orig_h":"10.10.1.32","_path":"conn","orig_bytes":300},
{"a":{"b":[1,2.5,null,true],"c":[{"d":"x"},{"d":"y"}]},"big":18446744073709551615,"e":{}}, {"time":"2026-03-02T00:00:00+01:00"}]"#,
        expect![[r#"
            json 2024-03-18T12:00:23.568379Z 1
              sources 
              ts = 1710763223.568379f
              uid = "CZu1"
              id.orig_h = "10.10.1.32"
              _path = "conn"
              orig_bytes = 300
            json 1970-01-01T00:00:00.000000Z 2
              sources 
              a.b = [1, 2.5f, null, true]
              a.c.d = ["x", "y"]
              big = "18446744073709551615"
            json 2026-03-01T23:00:00.000000Z 2
              sources 
              time = "2026-03-02T00:00:00+01:00"
        "#]],
    );
}
