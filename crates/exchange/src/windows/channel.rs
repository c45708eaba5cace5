/// A channel that Sigma rules know.
pub(super) struct Channel {
    /// Its name in the event, case aside.
    name: &'static str,
    /// Sigma's `service` for it.
    pub(super) service: &'static str,
    /// Its log here, without `windows_`.
    pub(super) log: &'static str,
}

/// The channel `name`, if rules know it.
pub(super) fn known(name: &str) -> Option<&'static Channel> {
    CHANNELS.iter().find(|channel| channel.name.eq_ignore_ascii_case(name))
}

/// Name of the log (table) for the events of `channel`: `windows_security`, `windows_sysmon`,
/// `windows_powershell`.
///
/// Channels without a name of their own here lose `Microsoft-Windows-` in front and `/Operational` behind,
/// become lower case, and have `_` for whatever is not a letter or digit; at most 64 bytes. `windows_unknown`
/// when nothing is left.
pub fn windows_log(channel: &str) -> String {
    if let Some(known) = known(channel) {
        return format!("windows_{}", known.log);
    }
    let lower = channel.to_ascii_lowercase();
    let short = lower.strip_prefix("microsoft-windows-").unwrap_or(&lower);
    let short = short.strip_suffix("/operational").unwrap_or(short);
    let mut log = "windows_".to_owned();
    for c in short.chars().take(LOG_MAX - log.len()) {
        match c {
            'a'..='z' | '0'..='9' => log.push(c),
            _ if log.ends_with('_') => {}
            _ => log.push('_'),
        }
    }
    let log = log.trim_end_matches('_');
    if log == "windows" { "windows_unknown".to_owned() } else { log.to_owned() }
}

/// Length of a log's name, in bytes; the rest of a longer channel is left out.
const LOG_MAX: usize = 64;

macro_rules! channels {
    ($($name:literal => $service:literal, $log:literal;)*) => {
        /// Channel, Sigma's service (SigmaHQ, `documentation/logsource-guides` and the rules' own
        /// `definition`s), log.
        const CHANNELS: &[Channel] =
            &[$(Channel { name: $name, service: $service, log: $log }),*];
    };
}

channels! {
    "Security" => "security", "security";
    "Microsoft-Windows-Sysmon/Operational" => "sysmon", "sysmon";
    "System" => "system", "system";
    "Application" => "application", "application";
    "Microsoft-Windows-PowerShell/Operational" => "powershell", "powershell";
    "PowerShellCore/Operational" => "powershell", "powershell";
    "Windows PowerShell" => "powershell-classic", "powershell_classic";
    "Microsoft-Windows-TaskScheduler/Operational" => "taskscheduler", "taskscheduler";
    "Microsoft-Windows-WMI-Activity/Operational" => "wmi", "wmi";
    "Microsoft-Windows-Windows Defender/Operational" => "windefend", "defender";
    "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall" => "firewall-as", "firewall";
    "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational" =>
        "terminalservices-localsessionmanager", "terminalservices_localsessionmanager";
    "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational" =>
        "terminalservices-remoteconnectionmanager", "terminalservices_remoteconnectionmanager";
    "Microsoft-Windows-AppLocker/EXE and DLL" => "applocker", "applocker";
    "Microsoft-Windows-AppLocker/MSI and Script" => "applocker", "applocker";
    "Microsoft-Windows-AppLocker/Packaged app-Deployment" => "applocker", "applocker";
    "Microsoft-Windows-AppLocker/Packaged app-Execution" => "applocker", "applocker";
    "Microsoft-Windows-AppModel-Runtime/Admin" => "appmodel-runtime", "appmodel_runtime";
    "Microsoft-Windows-AppXDeploymentServer/Operational" => "appxdeployment-server", "appxdeployment";
    "Microsoft-Windows-AppxPackaging/Operational" => "appxpackaging-om", "appxpackaging";
    "Microsoft-Windows-Bits-Client/Operational" => "bits-client", "bits_client";
    "Microsoft-Windows-CAPI2/Operational" => "capi2", "capi2";
    "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational" =>
        "certificateservicesclient-lifecycle-system", "certificate_lifecycle";
    "Microsoft-Windows-CodeIntegrity/Operational" => "codeintegrity-operational", "codeintegrity";
    "Microsoft-Windows-DHCP-Server/Operational" => "dhcp", "dhcp_server";
    "Microsoft-Windows-Diagnosis-Scripted/Operational" => "diagnosis-scripted", "diagnosis_scripted";
    "Microsoft-Windows-DNS-Client/Operational" => "dns-client", "dns_client";
    "Microsoft-Windows-DNS Client Events/Operational" => "dns-client", "dns_client";
    "DNS Server" => "dns-server", "dns_server";
    "Microsoft-Windows-DNS-Server/Analytical" => "dns-server-analytic", "dns_server_analytic";
    "Microsoft-Windows-DNSServer/Analytical" => "dns-server-analytic", "dns_server_analytic";
    "Microsoft-Windows-DNS-Server/Audit" => "dns-server-audit", "dns_server_audit";
    "Microsoft-Windows-DNSServer/Audit" => "dns-server-audit", "dns_server_audit";
    "Microsoft-Windows-DriverFrameworks-UserMode/Operational" => "driver-framework", "driver_framework";
    "Microsoft-Windows-Hyper-V-Worker-Admin" => "hyper-v-worker", "hyper_v_worker";
    "Microsoft-Windows-Hyper-V-Worker" => "hyper-v-worker", "hyper_v_worker";
    "Microsoft-IIS-Configuration/Operational" => "iis-configuration", "iis_configuration";
    "Microsoft-IIS-Configuration/Administrative" => "iis-configuration", "iis_configuration";
    "Microsoft-Windows-Kernel-EventTracing/Admin" => "kernel-event-tracing", "kernel_event_tracing";
    "Microsoft-Windows-Kernel-EventTracing" => "kernel-event-tracing", "kernel_event_tracing";
    "Microsoft-Windows-Kernel-ShimEngine/Operational" => "kernel-shimengine", "kernel_shimengine";
    "Microsoft-Windows-LDAP-Client/Debug" => "ldap", "ldap_client";
    "Microsoft-Windows-LSA/Operational" => "lsa-server", "lsa";
    "LsaSrv/Operational" => "lsa-server", "lsa";
    "Microsoft-ServiceBus-Client/Admin" => "microsoft-servicebus-client", "servicebus_client";
    "Microsoft-ServiceBus-Client/Operational" => "microsoft-servicebus-client", "servicebus_client";
    "Microsoft-ServiceBus-Client" => "microsoft-servicebus-client", "servicebus_client";
    "MSExchange Management" => "msexchange-management", "msexchange_management";
    "Microsoft-Windows-NTLM/Operational" => "ntlm", "ntlm";
    "Microsoft-Windows-NTFS/Operational" => "ntfs", "ntfs";
    "OpenSSH/Operational" => "openssh", "openssh";
    "Microsoft-Windows-PrintService/Admin" => "printservice-admin", "printservice_admin";
    "Microsoft-Windows-PrintService/Operational" => "printservice-operational", "printservice";
    "Microsoft-Windows-Security-Mitigations/Kernel Mode" => "security-mitigations", "security_mitigations";
    "Microsoft-Windows-Security-Mitigations/KernelMode" => "security-mitigations", "security_mitigations";
    "Microsoft-Windows-Security-Mitigations/User Mode" => "security-mitigations", "security_mitigations";
    "Microsoft-Windows-Security-Mitigations/UserMode" => "security-mitigations", "security_mitigations";
    "Microsoft-Windows-SENSE/Operational" => "sense", "sense";
    "Microsoft-Windows-Shell-Core/Operational" => "shell-core", "shell_core";
    "Microsoft-Windows-SmbClient/Audit" => "smbclient-audit", "smbclient_audit";
    "Microsoft-Windows-SmbClient/Connectivity" => "smbclient-connectivity", "smbclient_connectivity";
    "Microsoft-Windows-SmbClient/Security" => "smbclient-security", "smbclient_security";
    "Microsoft-Windows-SMBServer/Audit" => "smbserver-audit", "smbserver_audit";
    "Microsoft-Windows-SMBServer/Connectivity" => "smbserver-connectivity", "smbserver_connectivity";
    "Microsoft-Windows-SMBServer/Security" => "smbserver-security", "smbserver_security";
    "Microsoft-Windows-VHDMP-Operational" => "vhdmp", "vhdmp";
    "Microsoft-Windows-VHDMP/Operational" => "vhdmp", "vhdmp";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_called_after_its_channel() {
        for (channel, log) in [
            ("security", "windows_security"),
            ("Microsoft-Windows-Sysmon/Operational", "windows_sysmon"),
            ("Microsoft-Windows-PowerShell/Operational", "windows_powershell"),
            ("Microsoft-Windows-WinRM/Operational", "windows_winrm"),
            ("Directory Service", "windows_directory_service"),
            ("Microsoft-Windows-Store -- x//Debug", "windows_store_x_debug"),
            ("", "windows_unknown"),
            ("//\u{1F600}..", "windows_unknown"),
        ] {
            assert_eq!(windows_log(channel), log);
        }
        assert!(windows_log(&"x".repeat(500)).len() <= LOG_MAX);
    }

    #[test]
    fn a_channel_stands_in_the_table_once() {
        for (n, channel) in CHANNELS.iter().enumerate() {
            assert!(CHANNELS[..n].iter().all(|other| !other.name.eq_ignore_ascii_case(channel.name)));
            assert!(channel.log.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
        }
    }
}
