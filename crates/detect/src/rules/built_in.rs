//! The rules that come with Tieline, in the folder `rules` of the repository; its `chains` are embedded by
//! the chains.

macro_rules! embedded {
    ($($path:literal,)*) => {
        /// Path below `rules` and content of each file of rules that comes with Tieline.
        pub static BUILT_IN: &[(&str, &str)] =
            &[$(($path, include_str!(concat!("../../../../rules/", $path)))),*];
    };
}

embedded! {
    "mail/mail_with_active_attachment.yml",
    "ot/ot_access_requested.yml",
    "ot/ot_alarm_config.yml",
    "ot/ot_config_set.yml",
    "ot/ot_controller_restarted.yml",
    "ot/ot_controller_started.yml",
    "ot/ot_controller_stop_accepted.yml",
    "ot/ot_controller_stop_attempted.yml",
    "ot/ot_device_identified.yml",
    "ot/ot_devices_searched.yml",
    "ot/ot_file_delete.yml",
    "ot/ot_file_write.yml",
    "ot/ot_firmware.yml",
    "ot/ot_force.yml",
    "ot/ot_mode_change.yml",
    "ot/ot_program_delete.yml",
    "ot/ot_program_download.yml",
    "ot/ot_program_upload.yml",
    "ot/ot_report_disable.yml",
    "ot/ot_time_set.yml",
    "windows/network_logon.yml",
    "windows/office_opens_document.yml",
    "windows/office_spawns_interpreter.yml",
    "windows/powershell_encoded_command.yml",
    "windows/remote_interactive_logon.yml",
    "windows/remote_logon_failed.yml",
    "windows/remote_session_reconnected.yml",
    "windows/script_interpreter_started.yml",
    "windows/security_log_cleared.yml",
}
